"""What the agent and the probe both know of the kernel, each fact once, with its source."""
