"""hibtest: integration tests of Linux hibernation, on real kernels under QEMU.

See ARCHITECTURE.md for the rooms of this package and who may import whom.
"""

__version__ = "0.1.0"
