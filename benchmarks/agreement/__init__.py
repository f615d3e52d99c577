"""The linter against a real verifier: over the kernel's own programs, and over mutants of accepted ones."""
