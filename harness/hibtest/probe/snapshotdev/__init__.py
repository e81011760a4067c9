"""Drives /dev/snapshot in any order, right or wrong, and tells what the kernel answers."""
