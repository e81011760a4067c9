"""HOW a guest is reached: its serial console and its SSH server. Knows no QEMU.

The modules are imported by name (``hibtest.reach.console``, ``hibtest.reach.shell``), so
that who needs no SSH does not pay for its import.
"""
