"""Measurements: how far the linter agrees with a kernel's verifier, and how its cost grows."""
