"""What lies on a disk that holds no hibernation image."""

from harness.image.blocks import Blocks
from harness.image.info import MAGIC

_LOOKED_AT = 17  # blocks: btrfs has its superblock at 64 KiB

# (byte offset, bytes, what it is): what blkid knows of them
_MARKS = (
    (4086, b"SWAPSPACE2", "a swap area"),
    (4086, b"SWAP-SPACE", "a swap area of the old kind"),
    (4086, b"ULSUSPEND", "an image of uswsusp, which has a format of its own"),
    (24, MAGIC.to_bytes(8, "little"), "a raw stream of /dev/snapshot (--stream reads it)"),
    (1080, b"\x53\xef", "an ext2, ext3 or ext4 file system"),
    (0, b"XFSB", "an XFS file system"),
    (65600, b"_BHRfS_M", "a btrfs file system"),
    (0, b"hsqs", "a squashfs file system"),
    (0, b"LUKS\xba\xbe", "a LUKS container: open it first"),
    (536, b"LVM2 001", "an LVM physical volume: its logical volumes may hold swap"),
    (512, b"EFI PART", "a disk with a GPT (--partition N looks into a partition)"),
    (510, b"\x55\xaa", "a disk with an MBR (--partition N looks into a partition)"),
)


def identify(device: Blocks, offset: int) -> str:
    """Return in words what begins at a block."""
    end = min(offset + _LOOKED_AT, device.count)
    head = b"".join(device.read_one(number, "block").tobytes() for number in range(offset, end))
    for at, mark, what in _MARKS:
        if head[at : at + len(mark)] == mark:
            return what
    return "something unknown" if any(head) else "nothing but zeros"
