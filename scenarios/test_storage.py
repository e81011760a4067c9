"""Do disks keep what they were trusted with, across a hibernation and after the power is cut?

A writer numbers its records and acknowledges what its disk has, on the root and on a data disk:
nothing acknowledged is lost, and nothing from a future that the resumed life knows nothing of
appears. Then a boot between hibernation and resume: one that mounts the data disk, which replays
its journal, and writes to it, so that the life that is resumed damages it; one that uses the swap,
so that there is no image any more.
"""

import pytest

from hibtest.spec import (
    AtPercent,
    Crypt,
    CutPower,
    DataDisk,
    Do,
    Expected,
    Fault,
    Filesystem,
    GuestSpec,
    Linear,
    Mounts,
    Outcome,
    Scenario,
    on_each,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

KERNELS = ("bookworm", "trixie", "backports")
EXT4 = DataDisk(filesystem=Filesystem.EXT4)
XFS = DataDisk(filesystem=Filesystem.XFS)
BTRFS = DataDisk(filesystem=Filesystem.BTRFS)
XFS_ON_CRYPT = DataDisk(filesystem=Filesystem.XFS, on=(Linear(), Crypt()))
BTRFS_ON_CRYPT = DataDisk(filesystem=Filesystem.BTRFS, on=(Crypt(),))


def _data(what: str, data: DataDisk) -> Scenario:
    return Scenario(
        name=f"storage-KERNEL-{what}",
        guest=GuestSpec(kernel="trixie", vcpus=1, data=data),
        tags=("storage", "filesystem"),
    )


def _cut(what: str, data: DataDisk) -> Scenario:
    """Cut the power while the image is written: what was acknowledged is there all the same."""
    return Scenario(
        name=f"storage-KERNEL-{what}-power-cut",
        guest=GuestSpec(kernel="trixie", vcpus=1, data=data),
        faults=(Fault(when=AtPercent(percent=40), what=CutPower()),),
        expected=Expected(outcome=Outcome.COLD_BOOT, cause="not-armed"),
        tags=("storage", "power-cut"),
    )


# The blocks that the writer overwrites in place, zeroed by another system: the disk has lost them.
LOSE = Do(
    command="dd if=/dev/zero of=/data/storage/direct bs=4096 count=64 conv=notrunc,fsync"
    " && umount /data"
)
# The same blocks with the next numbers, as by one that was not frozen: the life that is resumed
# finds numbers that it has not written.
AHEAD = Do(
    command="""python3 -c '
import os, struct, zlib
fd = os.open("/data/storage/direct", os.O_RDWR)
form = struct.Struct("<8sQQII")
read = [form.unpack(os.pread(fd, form.size, n * 4096)) for n in range(64)]
last, own = max((one[1], one[4]) for one in read)
for number in range(last + 1, last + 65):
    text = form.pack(b"hibwrite", number, 0, own, 0)[:-4]
    own = zlib.crc32(text)
    os.pwrite(fd, text + struct.pack("<I", own), (number - 1) % 64 * 4096)
os.fsync(fd)
' && umount /data"""
)
# What somebody does who boots a rescue system and uses a disk, and resumes afterwards. In several
# transactions: what the first frees the next ones write over. The damage is certain; whether it
# takes numbers along is not.
RESCUE = Do(
    command="for pass in 1 2 3 4; do"
    " for n in $(seq 100); do echo $pass >/data/rescued-$pass-$n; done;"
    " dd if=/dev/zero of=/data/zeros bs=1M count=24 && sync && rm /data/zeros && sync || exit 1;"
    " done; umount /data"
)
# Another system that finds the swap and uses it: util-linux writes another signature over the
# image's (swap_rewrite_signature(), sys-utils/swapon.c, 2.38 to 2.41).
SWAP = "/dev/disk/by-id/virtio-swap"
USES_SWAP = Do(command=f"/usr/sbin/swapon {SWAP} && /usr/sbin/swapoff {SWAP}")


# Somebody looks at the data from another system that mounts it read-only, and replays no log.
LOOK = Do(command="find /data -type f -exec cat {} + >/dev/null")


def _looked_at(what: str, data: DataDisk) -> Scenario:
    return Scenario(
        name=f"storage-KERNEL-{what}-looked-at",
        guest=GuestSpec(kernel="trixie", vcpus=1, data=data),
        between=(LOOK,),
        mounts=Mounts.UNTOUCHED,
        tags=("storage", "filesystem", "between"),
    )


def _between(what: str, data: DataDisk, do: Do, cause: str) -> Scenario:
    return Scenario(
        name=f"storage-KERNEL-{what}",
        guest=GuestSpec(kernel="trixie", vcpus=1, data=data),
        between=(do,),
        expected=Expected(outcome=Outcome.CORRUPT, cause=cause),
        tags=("storage", "filesystem", "between"),
    )


OTHER_SYSTEM = Scenario(
    name="storage-KERNEL-other-system-swaps",
    guest=GuestSpec(kernel="trixie", vcpus=1),
    between=(USES_SWAP,),
    expected=Expected(outcome=Outcome.COLD_BOOT, cause="not-armed"),
    tags=("storage", "between"),
)
LOST, FUTURE = "witness-storage-lost", "witness-storage-future"

ASKED = (
    _data("ext4", EXT4),
    _data("xfs", XFS),
    _data("btrfs", BTRFS),
    _data("xfs-on-crypt", XFS_ON_CRYPT),
    _data("btrfs-on-crypt", BTRFS_ON_CRYPT),
    _cut("xfs", XFS),
    _cut("btrfs", BTRFS),
    _between("xfs-lost", XFS, LOSE, LOST),
    _between("ext4-future", EXT4, AHEAD, FUTURE),
    _between("ext4-written", EXT4, RESCUE, ""),
    _between("xfs-written", XFS, RESCUE, ""),
    _between("btrfs-written", BTRFS, RESCUE, ""),
    _looked_at("xfs", XFS),
    _looked_at("btrfs", BTRFS),
    OTHER_SYSTEM,
)
SCENARIOS = on_each(KERNELS, ASKED, usual={"storage-trixie-xfs"})


def test_storage(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
