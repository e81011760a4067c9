"""What a device holds, looked at as blkid(8) does, so that nothing of value is written over.

Offsets and magics are those of util-linux 2.38 to 2.41, libblkid/src/superblocks/ and
partitions/; what it derives from more than a magic is taken for granted here: to refuse too much
does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Read = Callable[[int, int], bytes]  # offset, count; nothing behind the end


class Mark(NamedTuple):
    """Where something shows.

    :ivar at: Byte offset; counted from the end when negative.
    """

    at: int
    magic: bytes
    what: str


# at the end of a machine's first page, whatever its size: libblkid/src/superblocks/swap.c
SWAPS = (
    (b"SWAPSPACE2", "a swap area"),
    (b"SWAP-SPACE", "a swap area of the old kind"),
    (b"S1SUSPEND", "a hibernation image"),
    (b"S2SUSPEND", "a hibernation image of the old kind (S2SUSPEND)"),
    (b"ULSUSPEND", "an image of uswsusp (ULSUSPEND)"),
    (b"LINHIB0001", "a hibernation image of an older kernel (LINHIB0001)"),
)
TUXONICE = "a TuxOnIce image"
PAGES = (4096, 8192, 16384, 32768, 65536)
_BEGIN = (
    Mark(0, b"\xed\xc3\x02\xe9\x98\x56\xe5\x0c", TUXONICE),
    Mark(0, b"LUKS\xba\xbe", "a LUKS container"),
    Mark(0, b"XFSB", "an XFS file system"),
    Mark(0, b"hsqs", "a squashfs file system"),
    Mark(3, b"NTFS    ", "an NTFS file system"),
    Mark(3, b"EXFAT   ", "an exFAT file system"),
    Mark(3, b"-FVE-FS-", "a BitLocker volume"),
    Mark(54, b"FAT1", "a FAT file system"),
    Mark(82, b"FAT32", "a FAT file system"),
    Mark(32, b"NXSB", "an APFS container"),
    Mark(0, b"integrity\0", "a dm-integrity volume"),
    Mark(0, b"verity\0\0", "a dm-verity volume"),
    Mark(0, b"SnAp", "an exception store of dm-snapshot"),
    Mark(512, b"EFI PART", "a partition table (GPT)"),
    Mark(4096, b"EFI PART", "a partition table (GPT)"),
    Mark(1080, b"\x53\xef", "an ext2, ext3 or ext4 file system"),
    Mark(1024, b"\xe2\xe1\xf5\xe0", "an EROFS file system"),
    Mark(1024, b"\x10\x20\xf5\xf2", "an F2FS file system"),
    Mark(1024, b"H+\0", "an HFS+ file system"),
    Mark(1030, b"\x34\x34", "a NILFS file system"),
    Mark(4096, b"\xfc\x4e\x2b\xa9", "a RAID member (md)"),
    Mark(0, b"\xfc\x4e\x2b\xa9", "a RAID member (md)"),
    Mark(4120, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", "a bcache"),
    Mark(4120, b"\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef", "bcachefs"),
    Mark(8192, b"OCFSV2", "an OCFS2 file system"),
    Mark(16384, b"SKUL\xba\xbe", "a LUKS container"),
    Mark(32768, b"JFS1", "a JFS file system"),
    Mark(32769, b"CD001", "an ISO 9660 file system"),
    Mark(32769, b"BEA01", "a UDF file system"),
    Mark(65536, b"\x01\x16\x19\x70", "a GFS2 file system"),
    Mark(65588, b"ReIsEr", "a ReiserFS file system"),
    Mark(65600, b"_BHRfS_M", "a btrfs file system"),
    Mark(131072, b"\x0c\xb1\xba\0\0\0\0\0", "a ZFS member"),
    Mark(135168, b"\x0c\xb1\xba\0\0\0\0\0", "a ZFS member"),
    *(Mark(at, b"LABELONE", "an LVM physical volume") for at in (0, 512, 1024, 1536)),
    *(Mark(page - 10, magic, what) for page in PAGES for magic, what in SWAPS),
)
_END = (
    Mark(-512, b"EFI PART", "a partition table (GPT), its copy at the end"),
    Mark(-4096, b"EFI PART", "a partition table (GPT), its copy at the end"),
    Mark(-512, b"\xde\x11\xde\x11", "a RAID member (DDF)"),
    Mark(-512, b"\x11\xde\x11\xde", "a RAID member (DDF)"),
    Mark(-1024, b"Intel Raid ISM Cfg Sig. ", "a RAID member (imsm)"),
    Mark(-512, b"Intel Raid ISM Cfg Sig. ", "a RAID member (imsm)"),
)
_MD = b"\xfc\x4e\x2b\xa9"
_LOOK = 1 << 16  # bytes; who uses a device for something of his own begins at its begin


def holds(read: Read, size: int, ours: int = 0) -> str:
    """Return in words what a device of so many bytes holds, "" for nothing.

    :param ours: So many bytes at its begin are ours, and what follows them may be: it counts only
        if it is known for something else. sgdisk(8) and sfdisk(8) keep the boot code, mdadm(8) all
        before its superblock, so our own begin says nothing of the rest.
    """
    if ours:
        return _known(_behind(read, ours), size)
    return _known(read, size) or ("something unknown" if any(read(0, _LOOK)) else "")


def _known(read: Read, size: int) -> str:
    for at, magic, what in _BEGIN:
        if read(at, len(magic)) == magic:
            return what
    for at, magic, what in _END:
        if size + at >= 0 and read(size + at, len(magic)) == magic:
            return what
    # md 0.90 lies 64 KiB before the end rounded down to 64 KiB, 1.0 at least 8 KiB before it:
    # drivers/md/md.c, super_90_rdev_size_change(), super_1_load() (6.1, 6.12)
    for at in ((size & ~0xFFFF) - 0x10000, ((size >> 9) - 16 & ~7) << 9):
        if at >= 0 and read(at, len(_MD)) == _MD:
            return "a RAID member (md)"
    if read(510, 2) == b"\x55\xaa":
        return "a partition table (MBR), or a boot sector"
    return ""


def _behind(read: Read, first: int) -> Read:
    """Return a device whose first bytes are zeros."""

    def masked(at: int, count: int) -> bytes:
        data = read(at, count)
        gone = min(max(first - at, 0), len(data))
        return bytes(gone) + data[gone:]

    return masked
