"""What stands between a disk and what is on it: devices of device mapper, bottom first."""

import msgspec


class Linear(msgspec.Struct, frozen=True, kw_only=True, tag="linear"):
    """A linear target over the whole device below."""


class Crypt(msgspec.Struct, frozen=True, kw_only=True, tag="crypt"):
    """A LUKS2 device, AES-XTS, opened in early userspace with a passphrase that is there.

    :ivar sector_size: Bytes that are encrypted together: 512 to 4096.
    """

    sector_size: int = 512


class Volume(msgspec.Struct, frozen=True, kw_only=True, tag="volume"):
    """A logical volume of LVM2, all of a volume group on the device below."""


Layer = Linear | Crypt | Volume
Stack = tuple[Layer, ...]
