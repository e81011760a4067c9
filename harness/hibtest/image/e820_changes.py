"""How the memory maps of two boots differ, entry by entry."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator

from hibtest.evidence import MapChange, Region
from hibtest.image.e820 import Entry, MemoryMap

# what two entries have in common that are one which moved or changed, the surest sign first
_ALIKE: tuple[Callable[[Region], Hashable], ...] = (
    lambda region: (region.type, "start", region.start),
    lambda region: (region.type, "end", region.end),
    lambda region: (region.type, "size", region.end - region.start),
    lambda region: (region.start, region.end),
)


def changes(old: MemoryMap, new: MemoryMap) -> tuple[MapChange, ...]:
    """Return what is not the same in two memory maps, by address; empty: nothing.

    An entry that may be read in several ways is the same if one of them is.
    """
    gone, came = _different(old, new)
    found = []
    for alike in _ALIKE:
        found += list(_pairs(gone, came, alike))
    found += list(_overlapping(gone, came))
    found += [MapChange(old=region) for region in gone]
    found += [MapChange(new=region) for region in came]
    return tuple(sorted(found, key=_address))


def _address(change: MapChange) -> int:
    region = change.old or change.new
    return region.start if region else 0


def _different(old: MemoryMap, new: MemoryMap) -> tuple[list[Region], list[Region]]:
    places = {reading: place for place, line in enumerate(new.entries) for reading in line}
    same: set[int] = set()
    gone = []
    for line in old.entries:
        there = {places[reading] for reading in line if reading in places} - same
        if there:
            same.add(min(there))
        else:
            gone.append(_region(line[0]))
    return gone, [_region(line[0]) for n, line in enumerate(new.entries) if n not in same]


def _region(entry: Entry) -> Region:
    start, size, kind = entry
    return Region(start=start, end=start + size - 1, type=kind)


def _pairs(
    gone: list[Region], came: list[Region], alike: Callable[[Region], Hashable]
) -> Iterator[MapChange]:
    """Yield those that are alike, and take them out of both lists."""
    waiting: defaultdict[Hashable, list[Region]] = defaultdict(list)
    for region in reversed(came):
        waiting[alike(region)].append(region)
    left = []
    for region in gone:
        if waiting[alike(region)]:
            yield MapChange(old=region, new=waiting[alike(region)].pop())
        else:
            left.append(region)
    gone[:] = left
    came[:] = sorted((one for ones in waiting.values() for one in ones), key=lambda one: one.start)


def _overlapping(gone: list[Region], came: list[Region]) -> Iterator[MapChange]:
    for region in tuple(gone):
        other = next((x for x in came if x.type == region.type and x.overlaps(region)), None)
        if other:
            gone.remove(region)
            came.remove(other)
            yield MapChange(old=region, new=other)
