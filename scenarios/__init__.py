"""The questions asked of the kernel: pytest files, each with its SCENARIOS."""
