"""Where swap lives, one function for each way."""

from dataclasses import replace

from hibtest.cycle.storage.filesystem import filesystem_part
from hibtest.cycle.storage.part import Part, uuid_of
from hibtest.cycle.storage.partition import partition_part, partuuid
from hibtest.cycle.storage.stack import made_by, on_disk
from hibtest.spec import (
    Filesystem,
    MoveSwap,
    Named,
    Scenario,
    Swap,
    SwapDisk,
    SwapFile,
    SwapPartition,
    SwapZram,
)

_FIRST = "swap"  # serial of the swap to resume from
_ZRAM = "/dev/zram0"


def swap_parts(scenario: Scenario) -> tuple[Part, ...]:
    """Return what the swaps of a scenario bring along; the first is the one to resume from.

    Raw disks, not qcow2: the host reads images from them in place.
    """
    layout = scenario.layout
    serials = [f"swap{number if number > 1 else ''}" for number in range(1, len(layout) + 1)]
    steps = (*scenario.before, *scenario.last, *scenario.after)
    moves = any(isinstance(step, MoveSwap) for step in steps)
    parts = tuple(
        _swap(swap, serial, twice=moves and serial == _FIRST)
        for swap, serial in zip(layout, serials, strict=True)
    )
    return (_first(scenario, parts[0]), *parts[1:]) if parts else ()


def _first(scenario: Scenario, part: Part) -> Part:
    named = scenario.resume.named
    late = part.late
    if part.offset is None:
        word = "say_offset" if named is Named.NOT else "tell_offset"
        late = (*late, f"{word} {part.swap} {part.device}")
    return replace(part, late=late, resume=_word(named, scenario.layout[0], part))


def _word(named: Named, swap: Swap, part: Part) -> str:
    """Return what ``resume=`` says; empty: there is none."""
    if named is Named.PARTUUID and isinstance(swap, SwapPartition):
        return f"PARTUUID={partuuid(swap.table)}"
    return {Named.UUID: f"UUID={uuid_of(_FIRST)}", Named.NOT: ""}.get(named, part.device)


def _swap(swap: Swap, serial: str, *, twice: bool) -> Part:
    match swap:
        case SwapDisk():
            make, size = _mkswap(serial), swap.size_mib
            return _used(on_disk(serial, size, swap.on, made_by(make, size), make), swap)
        case SwapPartition():
            return _used(partition_part(swap, serial, _mkswap(serial)), swap)
        case SwapFile():
            return _file(swap, serial, twice=twice)
        case SwapZram():
            make = f"make_zram {swap.size_mib}"
            return _used(Part(device=_ZRAM, late=(make,)), swap)


def _mkswap(serial: str) -> str:
    return f"mkswap --quiet --uuid {uuid_of(serial)} --label hibtest"


def _used(part: Part, swap: Swap) -> Part:
    return replace(part, swap=part.device, late=(*part.late, _use(part.device, swap.priority)))


def _file(swap: SwapFile, serial: str, *, twice: bool) -> Part:
    """Return a swap file.

    :param twice: Whether there is to be room for another.
    """
    path = f"/{serial}/file"
    fill = (*_make(swap, path), f"/usr/sbin/{_mkswap(serial)} {path}")
    # in pieces, it lies in the holes of what fills the rest
    more = (swap.pieces > 1) + twice
    holds = swap.size_mib + more * swap.size_mib * 5 // 4
    part = filesystem_part(swap.filesystem, serial, holds, swap.on, fill)
    use = (_use(path, swap.priority), *([f"in_pieces {path} {swap.pieces}"] * (swap.pieces > 1)))
    old = f"{path}.old"
    again = (
        f"must swapoff {path}",
        f"must /usr/bin/mv {path} {old}",
        *(f"must {step}" for step in fill),
        *use,
        f"must /usr/bin/rm {old}",
    )
    return replace(part, swap=path, offset=None, late=(*part.late, *use), again=again)


def _make(swap: SwapFile, path: str) -> tuple[str, ...]:
    take = f"/usr/bin/fallocate --length {swap.size_mib}MiB {path}"
    if swap.pieces > 1:
        take = f"fragmented {path} {swap.size_mib} {swap.pieces}"
    if swap.filesystem is Filesystem.BTRFS:  # a swap file is neither copied on write nor compressed
        begin = (f"/usr/bin/truncate -s 0 {path}", f"/usr/bin/chattr +C {path}")
        return (*begin, take, f"chmod 600 {path}")
    return (take, f"chmod 600 {path}")


def _use(name: str, priority: int | None) -> str:
    return f"use_swap {name}" if priority is None else f"use_swap {name} {priority}"
