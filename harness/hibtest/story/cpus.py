"""CPUs that are taken down and up: which, how long it took, and which did not come back.

kernel/cpu.c freeze_secondary_cpus() and thaw_secondary_cpus(), arch/x86/kernel/smpboot.c, 6.1 to
7.3. The times are the kernel's own stamps.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hibtest.story.marked import Marked
from hibtest.story.pattern import line, plain

_OFFLINE = re.compile(r"^smpboot: CPU (?P<cpu>\d{1,6}) is now offline")
_ONLINE = re.compile(r"^CPU(?P<cpu>\d{1,6}) is up$")
# thaw_secondary_cpus() and freeze_secondary_cpus() say the one, native_cpu_up() of 6.1 the other
_LOST = re.compile(
    r"Error taking CPU(?P<cpu>\d{1,6}) (?P<way>up|down): -\d+"
    r"|do_boot_cpu failed(\(-?\d+\) to wakeup CPU#(?P<woken>\d{1,6}))?"
)
PATTERNS = (line("cpu-offline", _OFFLINE.pattern), line("cpu-online", _ONLINE.pattern))
LOST = line("cpu-lost", _LOST.pattern)
_BEGINS = {"vcpus": "cpu-offline", "enable-vcpus": "cpu-online"}
_STAMP = re.compile(r"^\[\s*(?P<seconds>\d{1,12}\.\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """All other CPUs, taken down or up one after the other.

    :ivar up: Whether they were taken up.
    :ivar cpus: Those that were, in this order.
    :ivar milliseconds: From the line that says so to the last CPU's.
    """

    up: bool
    cpus: tuple[int, ...]
    milliseconds: float


def switches(marks: Sequence[Marked]) -> Iterator[Switch]:
    """Yield each time that the kernel took its other CPUs down, or up, in one log.

    Where one did not follow there is none: its wait is another thing.
    """
    for at, mark in enumerate(marks):
        if mark.name in _BEGINS and (found := _switch(marks[at:], _BEGINS[mark.name])):
            yield found


def _switch(marks: Sequence[Marked], each: str) -> Switch | None:
    first, *rest = marks
    mine = []
    for mark in rest:
        if mark.name != each:
            break
        mine.append(mark)
    began = _stamp(first)
    ended = _stamp(mine[-1]) if mine else None
    lost = any(mark.name == "cpu-lost" for mark in rest[len(mine) : len(mine) + 1])
    if began is None or ended is None or lost:
        return None
    up = each == "cpu-online"
    pattern = _ONLINE if up else _OFFLINE
    numbers = [found["cpu"] for mark in mine if (found := pattern.search(plain(mark.line)))]
    took = round((ended - began) * 1000, 3)
    return Switch(up=up, cpus=tuple(map(int, numbers)), milliseconds=took)


def _stamp(mark: Marked) -> float | None:
    found = _STAMP.match(mark.line)
    return float(found["seconds"]) if found else None


def lost(marks: Iterable[Marked]) -> str:
    """Say of marks ``cpu-lost`` which CPUs did not do what was asked, with the first's line."""
    down: dict[str, None] = {}
    up: dict[str, None] = {}
    lines = [plain(mark.line) for mark in marks]
    for text in lines:
        if found := _LOST.search(text):
            cpu = found["cpu"] or found["woken"]
            (down if found["way"] == "down" else up)[f"CPU {cpu}" if cpu else "a CPU"] = None
    said = [f"{', '.join(up)} did not come back"] if up else []
    said += [f"{', '.join(down)} did not go down"] if down else []
    return f"{'; '.join(said)}: {lines[0]}"
