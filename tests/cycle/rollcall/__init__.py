"""The roll call, on kernels that are made up."""
