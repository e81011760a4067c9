"""Where swap lives, one function for each way."""

from dataclasses import replace

from hibtest.cycle.storage.filesystem import filesystem_part
from hibtest.cycle.storage.part import Part
from hibtest.cycle.storage.stack import made_by, on_disk
from hibtest.spec import Filesystem, Layout, Swap, SwapDisk, SwapFile

# A fixed UUID: two runs of one scenario start from the same bytes.
_UUID = "68696274-6573-7400-0000-000000000001"
_MKSWAP = f"mkswap --quiet --uuid {_UUID} --label hibtest"


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
    part = on_disk(serial, swap.size_mib, swap.on, made_by(_MKSWAP, swap.size_mib), _MKSWAP)
    return replace(part, swap=part.device, late=(_use(part.device, swap.priority),))


def _file(swap: SwapFile, serial: str) -> Part:
    path = f"/{serial}/file"
    make: tuple[str, ...] = (
        f"/usr/bin/fallocate --length {swap.size_mib}MiB {path}",
        f"chmod 600 {path}",
    )
    if swap.filesystem is Filesystem.BTRFS:  # a swap file is neither copied on write nor compressed
        make = (f"/usr/bin/truncate -s 0 {path}", f"/usr/bin/chattr +C {path}", *make)
    fill = (*make, f"/usr/sbin/{_MKSWAP} {path}")
    part = filesystem_part(swap.filesystem, serial, swap.size_mib, swap.on, fill)
    late = (*part.late, _use(path, swap.priority))
    return replace(part, swap=path, offset=None, late=late)


def _use(name: str, priority: int | None) -> str:
    return f"use_swap {name}" if priority is None else f"use_swap {name} {priority}"
