"""What lies on a disk that holds no hibernation image, or one that is not read here."""

from dataclasses import dataclass

from hibtest.agent.target.holds import PAGES, SWAPS, TUXONICE, holds
from hibtest.image.blocks import Blocks
from hibtest.image.header import PAGE_SIZE
from hibtest.image.info import MAGIC

_FILE = "a swap file in it is found by --offset N, its resume_offset"
_TABLE = "--partition N looks into a partition"
_CONVERT = "qemu-img convert -O raw makes a disk of it that can be read here"
_UNPACK = "unpack it first"
# files that hold a disk: offset, magic, what; QEMU 10.0, block/vmdk.c and its like, and file(1)
_CONTAINERS = (
    (0, b"KDMV", "a VMDK disk in a file", _CONVERT),
    (0, b"COWD", "a VMDK disk in a file", _CONVERT),
    (0, b"# Disk DescriptorFile", "a VMDK disk in a file", _CONVERT),
    (64, b"\x7f\x10\xda\xbe", "a VDI disk in a file", _CONVERT),
    (0, b"vhdxfile", "a VHDX disk in a file", _CONVERT),
    (0, b"conectix", "a VHD disk in a file", _CONVERT),
    (0, b"QED\0", "a QED disk in a file", _CONVERT),
    (0, b"WithoutFreeSpace", "a Parallels disk in a file", _CONVERT),
    (0, b"WithouFreSpacExt", "a Parallels disk in a file", _CONVERT),
    (0, b"\xfd7zXZ\0", "a file that xz has compressed", _UNPACK),
    (0, b"\x1f\x8b\x08", "a file that gzip has compressed", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a file that zstd has compressed", _UNPACK),
    (4, b"1AY&SY", "a file that bzip2 has compressed", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "a file that lz4 has compressed", _UNPACK),
    (0, b"\x89LZO\0\r\n\x1a\n", "a file that lzop has compressed", _UNPACK),
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\x3a\xff\x26\xed", "a sparse image of Android", "simg2img makes a disk of it"),
    (0, b"EVF\x09\x0d\x0a\xff\0", "a disk in EnCase files", "ewfexport makes a disk of it"),
)
# by how the words of holds() begin; Linux swaps to files of these file systems
_HINTS = {
    "an ext2": _FILE,
    "an XFS": _FILE,
    "a btrfs": _FILE,
    "an F2FS": _FILE,
    "a JFS": _FILE,
    "a ReiserFS": _FILE,
    "an OCFS2": _FILE,
    "a FAT": _FILE,
    "a LUKS": "open it first",
    "an LVM": "its logical volumes may hold swap",
    "a partition table": _TABLE,
}
_SWAP_WORDS = {what for _, what in SWAPS[:2]}
_IMAGE_WORDS = {TUXONICE, *(what for _, what in SWAPS[2:])}
_SIGNATURES = tuple(magic for magic, _ in SWAPS)
_SIGNATURE_SIZE = 10  # bytes, the last ones of the page


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What lies somewhere.

    :ivar words: In words.
    :ivar image: Whether it is a hibernation image, of a kind that is not read here.
    """

    words: str
    image: bool = False


def identify(device: Blocks, offset: int) -> Contents:
    """Return what begins at a block.

    :raise HostError: When the disk cannot be read.
    """
    if device.peek(offset * PAGE_SIZE + 24, 8) == MAGIC.to_bytes(8, "little"):
        return Contents(words="a raw stream of /dev/snapshot (--stream reads it)")
    if container := contained(device):
        return Contents(words=container)
    what = _held(device, offset)
    if what in _SWAP_WORDS | _IMAGE_WORDS:
        size = page_size(device, offset)
        pages = "" if size == PAGE_SIZE else f" of a machine with {in_k(size)} pages"
        return Contents(words=f"{_hinted(what)}{pages}", image=what in _IMAGE_WORDS)
    if what:
        return Contents(words=_hinted(what))
    blocks = (device.read_one(number, "block") for number in _looked_at(device, offset))
    filled = any(block.any() for block in blocks)
    return Contents(words="something unknown" if filled else "nothing but zeros")


def contained(device: Blocks) -> str:
    """Return in words what kind of file holds a disk that has to be taken out; "" for none."""
    for at, magic, what, hint in _CONTAINERS:
        if device.peek(at, len(magic)) == magic:
            return f"{what} ({hint})"
    return ""


def page_size(device: Blocks, offset: int) -> int:
    """Return the size of the pages of the machine whose swap begins at a block.

    The smallest that has a signature at its page's end, as blkid(8) sees it; 4096 where there is
    none, or where something else begins.
    """
    at = offset * PAGE_SIZE - _SIGNATURE_SIZE
    for size in PAGES:
        if device.peek(at + size, _SIGNATURE_SIZE).startswith(_SIGNATURES):
            known = size == PAGE_SIZE or _held(device, offset) in _SWAP_WORDS | _IMAGE_WORDS
            return size if known else PAGE_SIZE
    return PAGE_SIZE


def in_k(size: int) -> str:
    """Return a size of pages as people say it: 16K."""
    return f"{size >> 10}K"


def _held(device: Blocks, offset: int) -> str:
    def read(at: int, count: int) -> bytes:
        return device.peek(offset * PAGE_SIZE + at, count)

    # what lies behind a swap file's begin is not its own
    return holds(read, device.size if not offset else 0)


def _hinted(what: str) -> str:
    hint = next((hint for name, hint in _HINTS.items() if what.startswith(name)), "")
    return f"{what} ({hint})" if hint else what


def _looked_at(device: Blocks, offset: int) -> range:
    return range(offset, min(offset + 17, device.count))
