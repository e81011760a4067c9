"""The plan disk: what early userspace and the guest's init do for a scenario's storage.

A script of functions that both of them read from a small disk, so that guest disks are the same
for all scenarios.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from hibtest.cycle.storage.part import NewDisk, Part
from hibtest.spec import GuestFiles

AGAIN = "again"  # the function that makes the first swap anew
# Where the guest's init has the script, and the words of its steps (images/templates, and
# images/userspaces.py).
PLAN, WORDS = "/run/plan", "/etc/hibtest/words"
_SECTOR = 512


def plan_disk(parts: Iterable[Part]) -> NewDisk:
    """Return the disk that has the steps of all parts."""
    text = script(parts).encode()
    padded = text + b"\n" * (-len(text) % _SECTOR)

    def make(path: Path, _: GuestFiles) -> None:
        path.write_bytes(padded)

    return NewDisk(serial="plan", file="plan.raw", make=make, readonly=True)


def script(parts: Iterable[Part]) -> str:
    """Return the steps of all parts, each part's in its order."""
    parts = tuple(parts)
    early = [step for part in parts for step in part.early]
    if early:
        early = ["open_toolbox", *early, "close_toolbox"]
    late = [step for part in parts for step in part.late]
    again = [step for part in parts[:2] for step in part.again]  # the root's, and the first swap's
    lines = (*_function("early", early), *_function("late", late))
    if again:
        lines = (*lines, *_function(AGAIN, again))
    return "".join(f"{line}\n" for line in lines)


def _function(name: str, steps: Iterable[str]) -> Iterator[str]:
    yield f"{name}() {{"
    yield from (f"    {step}" for step in (*steps, ":"))  # a function is not empty
    yield "}"
