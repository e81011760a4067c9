"""The hibernation image: what swsusp writes into swap. Knows no QEMU."""
