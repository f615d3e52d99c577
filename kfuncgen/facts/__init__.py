"""What kernels themselves say of their kfuncs, and the specs against it: BTF, a running kernel, a source tree."""
