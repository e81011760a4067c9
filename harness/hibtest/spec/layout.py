"""Where swap lives: one small frozen class per layout.

These are msgspec structs, not dataclasses: in JSON a member of a union needs its tag.
"""

import msgspec


class NoSwap(msgspec.Struct, frozen=True, kw_only=True, tag="none"):
    """No swap at all. The disk is there (the memory map must not move) but holds zeros.

    :ivar size_mib: Size of that disk in MiB.
    """

    size_mib: int = 64


class SwapDisk(msgspec.Struct, frozen=True, kw_only=True, tag="disk"):
    """A whole disk formatted as swap.

    :ivar size_mib: Its size in MiB.
    """

    size_mib: int = 1024


Layout = NoSwap | SwapDisk
