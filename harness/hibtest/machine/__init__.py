"""HOW QEMU is driven; knows nothing of hibernation."""
