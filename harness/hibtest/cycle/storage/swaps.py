"""Where swap lives, one function for each way."""

from dataclasses import replace
from pathlib import Path

from hibtest.cycle.storage.part import Make, Part
from hibtest.cycle.storage.stack import on_disk
from hibtest.machine.disk import sparse
from hibtest.programs import run
from hibtest.spec import GuestFiles, Layout, Swap, SwapDisk, SwapFile

# Fixed UUIDs: two runs of one scenario start from the same bytes.
_UUID = "68696274-6573-7400-0000-000000000001"
_FS_UUID = "68696274-6573-7400-0000-000000000003"
_MKSWAP = f"mkswap --quiet --uuid {_UUID} --label hibtest"
_FRESH = "hibtest-new"  # label of a filesystem on which the file is to be made: boot.sh.j2
_MKE2FS = f"mke2fs -q -F -t ext4 -U {_FS_UUID} -L {_FRESH}"
_ROOM_MIB = 64  # for what a filesystem has beside a file


def swap_parts(layout: Layout) -> tuple[Part, ...]:
    """Return what the swaps of a layout bring along.

    Raw disks, not qcow2: the host reads images from them in place.
    """
    serials = ("swap", *(f"swap{number}" for number in range(2, len(layout) + 1)))
    parts = tuple(map(_swap, layout, serials))
    if not parts or parts[0].offset is not None:
        return parts
    asked = f"tell_offset {parts[0].swap}"  # the first is the one to resume from
    return (replace(parts[0], late=(*parts[0].late, asked)), *parts[1:])


def _swap(swap: Swap, serial: str) -> Part:
    match swap:
        case SwapDisk():
            return _disk(swap, serial)
        case SwapFile():
            return _file(swap, serial)


def _disk(swap: SwapDisk, serial: str) -> Part:
    part = on_disk(serial, swap.size_mib, swap.on, _made_by(_MKSWAP, swap.size_mib), _MKSWAP)
    return replace(part, swap=part.device, late=(_use(part.device, swap.priority),))


def _file(swap: SwapFile, serial: str) -> Part:
    size = swap.size_mib + _ROOM_MIB
    part = on_disk(serial, size, swap.on, _made_by(_MKE2FS, size), _MKE2FS)
    path = f"/{serial}/file"
    late = (
        f"mount_disk {part.device} /{serial}",
        f"if_fresh /usr/bin/fallocate --length {swap.size_mib}MiB {path}",
        f"if_fresh chmod 600 {path}",
        f"if_fresh /usr/sbin/{_MKSWAP} {path}",
        f"if_fresh /usr/sbin/e2label {part.device} hibtest",
        _use(path, swap.priority),
    )
    return replace(part, swap=path, offset=None, late=late, filesystem=True)


def _use(name: str, priority: int | None) -> str:
    return f"use_swap {name}" if priority is None else f"use_swap {name} {priority}"


def _made_by(command: str, size_mib: int) -> Make:
    def make(path: Path, _: GuestFiles) -> None:
        run([*command.split(), str(sparse(path, size_mib))])

    return make
