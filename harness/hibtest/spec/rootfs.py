"""What the guest's root filesystem stands on: one small frozen class per way."""

import msgspec


class PlainRoot(msgspec.Struct, frozen=True, kw_only=True, tag="plain"):
    """The root disk itself, an overlay on the disk that was built."""


class MappedRoot(msgspec.Struct, frozen=True, kw_only=True, tag="mapped"):
    """A device of device mapper, ``/dev/mapper/root``: linear, over the whole root disk.

    The disk is then a raw copy, so that the host can compare its blocks.

    :ivar scratch_mib: Size in MiB of one disk more, ``/dev/disk/by-id/virtio-scratch``, that
        holds what is written above a snapshot of the root; 0: there is none.
    """

    scratch_mib: int = 256


Root = PlainRoot | MappedRoot
