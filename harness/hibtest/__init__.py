"""hibtest: integration tests of Linux hibernation, on real kernels under QEMU.

Who writes scenarios needs :mod:`hibtest.spec`, and in tests the fixtures of
:mod:`hibtest.pytest_plugin`. See ARCHITECTURE.md for the rooms and who may import whom.
"""

__version__ = "0.1.0"
