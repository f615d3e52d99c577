"""What a BPF source is compiled with: flags, compilers and headers. Knows nothing of specs, rules or reports."""
