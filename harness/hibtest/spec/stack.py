"""What stands between a disk and what is on it: devices of device mapper, bottom first.

A layer that needs several devices has all that is below it once more for each, on a disk of its
own.
"""

import msgspec

from hibtest.errors import SpecError

_MOST_DISKS = 8  # for one stack; a machine has room for some twenty


class Linear(msgspec.Struct, frozen=True, kw_only=True, tag="linear"):
    """A linear target over the whole device below."""


class Crypt(msgspec.Struct, frozen=True, kw_only=True, tag="crypt"):
    """A LUKS2 device, AES-XTS, opened in early userspace with a passphrase that is there.

    :ivar sector_size: Bytes that are encrypted together: 512 to 4096.
    """

    sector_size: int = 512

    def __post_init__(self) -> None:
        if self.sector_size not in {512, 1024, 2048, 4096}:
            what = f"Crypt: sectors of {self.sector_size} bytes"
            raise SpecError(what, hint="512, 1024, 2048 or 4096")


class Volume(msgspec.Struct, frozen=True, kw_only=True, tag="volume"):
    """A logical volume of LVM2, all of a volume group on the device below."""


class _Chunked(msgspec.Struct, frozen=True, kw_only=True):
    chunk_kib: int = 64

    def __post_init__(self) -> None:
        if self.chunk_kib not in {1 << bit for bit in range(2, 11)}:
            what = f"{type(self).__name__}: chunks of {self.chunk_kib} KiB"
            raise SpecError(what, hint="a power of two from 4 to 1024")


class Striped(_Chunked, frozen=True, kw_only=True, tag="striped"):
    """A striped target over two devices.

    :ivar chunk_kib: What lies on one before the other has its turn: a power of two, 4 to 1024.
    """


class Raid1(msgspec.Struct, frozen=True, kw_only=True, tag="raid1"):
    """A mirror on two devices (target ``raid``, as LVM has it): in sync from the first moment."""


class Thin(_Chunked, frozen=True, kw_only=True, tag="thin"):
    """A thin device as large as its pool, whose metadata lie on a second device.

    :ivar chunk_kib: What the pool gives out at once: a power of two, 64 to 1024.
    :ivar provisioned: Whether all of it is written to before it is used, so that the pool has
        given it all out.
    """

    provisioned: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if (
            self.chunk_kib < 64
        ):  # DATA_DEV_BLOCK_SIZE_MIN_SECTORS, drivers/md/dm-thin.c (6.1 to 7.3)
            raise SpecError(f"Thin: blocks of {self.chunk_kib} KiB", hint="64 KiB at least")


class Snapshot(_Chunked, frozen=True, kw_only=True, tag="snapshot"):
    """A persistent snapshot of the device below; what is written goes to a second device.

    :ivar chunk_kib: What is copied at once: a power of two, 4 to 1024.
    """


class Origin(_Chunked, frozen=True, kw_only=True, tag="origin"):
    """The origin of a snapshot: what is overwritten goes to a second device before.

    :ivar chunk_kib: What is copied at once: a power of two, 4 to 1024.
    """


class Integrity(msgspec.Struct, frozen=True, kw_only=True, tag="integrity"):
    """A device of dm-integrity with a CRC-32C for each 4096 bytes, opened by integritysetup.

    :ivar journal: Whether what is written goes to a journal first; else straight to its place.
    """

    journal: bool = True


class Delay(msgspec.Struct, frozen=True, kw_only=True, tag="delay"):
    """A target that takes its time for each request.

    :ivar ms: How long, in milliseconds.
    """

    ms: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.ms <= 1000:
            raise SpecError(f"Delay: {self.ms} ms", hint="0 to 1000")


class Flakey(msgspec.Struct, frozen=True, kw_only=True, tag="flakey"):
    """A target that could fail, and does not: its table is for others to replace."""


class Multipath(msgspec.Struct, frozen=True, kw_only=True, tag="multipath"):
    """Two paths, taken in turns, to one disk: two virtio disks over one file."""


Layer = (
    Linear
    | Crypt
    | Volume
    | Striped
    | Raid1
    | Thin
    | Snapshot
    | Origin
    | Integrity
    | Delay
    | Flakey
    | Multipath
)
Stack = tuple[Layer, ...]
_ON_TWO = (Striped, Raid1, Thin, Snapshot, Origin)


def require_stack(what: str, stack: Stack) -> None:
    """Check that a stack can be.

    :param what: Where it stands, in messages.
    :raise SpecError: When a layer cannot stand where it does, or it takes too many disks.
    """
    if any(isinstance(layer, Multipath) for layer in stack[1:]):
        said = f"{what}: something is below Multipath(), whose paths lead to a disk"
        raise SpecError(said, hint="let it be the first of the stack")
    disks = 1 << sum(isinstance(layer, _ON_TWO) for layer in stack)
    paths = 2 if stack and isinstance(stack[0], Multipath) else 1
    if disks * paths > _MOST_DISKS:
        said = f"{what}: a stack that takes {disks * paths} disks"
        raise SpecError(said, hint=f"leave layers out that double them: {_MOST_DISKS} at most")
