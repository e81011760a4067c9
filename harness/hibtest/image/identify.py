"""What lies on a disk that holds no hibernation image."""

from hibtest.agent.target.holds import holds
from hibtest.image.blocks import Blocks
from hibtest.image.header import PAGE_SIZE
from hibtest.image.info import MAGIC

_FILE = "a swap file in it is found by --offset N, its resume_offset"
_TABLE = "--partition N looks into a partition"
_CONVERT = "qemu-img convert -O raw makes a disk of it that can be read here"
# files that hold a disk: offset, magic, name; in QEMU 10.0 block/vmdk.c and its like
_CONTAINERS = (
    (0, b"KDMV", "VMDK"),
    (0, b"COWD", "VMDK"),
    (0, b"# Disk DescriptorFile", "VMDK"),
    (64, b"\x7f\x10\xda\xbe", "VDI"),
    (0, b"vhdxfile", "VHDX"),
    (0, b"conectix", "VHD"),
    (0, b"QED\0", "QED"),
    (0, b"WithoutFreeSpace", "Parallels"),
    (0, b"WithouFreSpacExt", "Parallels"),
)
# by how the words of holds() begin
_HINTS = {
    "an image of uswsusp": "it has a format of its own",
    "an ext2": _FILE,
    "an XFS": _FILE,
    "a btrfs": _FILE,
    "an F2FS": _FILE,
    "a LUKS": "open it first",
    "an LVM": "its logical volumes may hold swap",
    "a partition table": _TABLE,
}


def identify(device: Blocks, offset: int) -> str:
    """Return in words what begins at a block.

    :raise HostError: When the disk cannot be read.
    """

    def read(at: int, count: int) -> bytes:
        return device.peek(offset * PAGE_SIZE + at, count)

    if read(24, 8) == MAGIC.to_bytes(8, "little"):
        return "a raw stream of /dev/snapshot (--stream reads it)"
    for at, magic, name in () if offset else _CONTAINERS:
        if read(at, len(magic)) == magic:
            return f"a {name} disk in a file ({_CONVERT})"
    # what lies behind a swap file's begin is not its own
    what = holds(read, device.size if not offset else 0)
    if what:
        hint = next((hint for name, hint in _HINTS.items() if what.startswith(name)), "")
        return f"{what} ({hint})" if hint else what
    blocks = (device.read_one(number, "block") for number in _looked_at(device, offset))
    return "something unknown" if any(block.any() for block in blocks) else "nothing but zeros"


def _looked_at(device: Blocks, offset: int) -> range:
    return range(offset, min(offset + 17, device.count))
