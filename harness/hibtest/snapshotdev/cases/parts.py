"""How cases are written, and what several of them have in common."""

import re
from collections.abc import Iterator

from hibtest.probe.snapshotdev.lacks import CPU1
from hibtest.snapshotdev.case import Case, Per, Step

# Without the first, or locked down, a kernel has no hibernation; without the other, no device.
EVERY_CASE = ("HIBERNATION", "HIBERNATION_SNAPSHOT_DEV")
# A warning of the kernel that names the function it stands in.
WARNS = ("BUG", "KALLSYMS")
USER = "kernel/power/user.c"
CPU1_OFF_AND_ON = f"put {CPU1} 0; put {CPU1} 1"
IMAGE = "open r; FREEZE; CREATE_IMAGE = 1"
# while frozen, open for writing
NO_DATA_YET = ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "7.3": "ENODATA"}))


def case(
    name: str,
    source: str,
    *lines: str | Step,
    ends: str = "ok",
    says: str = "",
    append: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
) -> Case:
    """Return a case. One that ends the guest is the last of it, also where it fails to.

    :param lines: ``open r; CREATE_IMAGE = EPERM``: steps, each with its answer if that is not 0.
        A step with any other answer than a number or a word is a pair, also one with digits that
        are a word.
    :param needs: Options that it needs beside what every case does.
    """
    return Case(
        name=name,
        source=source,
        steps=tuple(step for line in lines for step in _steps(line)),
        ends=ends,
        says=says,
        append=append,
        spends=ends == "panic",
        needs=(*EVERY_CASE, *needs),
    )


def _steps(line: str | Step) -> Iterator[Step]:
    if isinstance(line, tuple):
        yield line
        return
    for text in line.split(";"):
        step, _, answer = (part.strip() for part in text.partition("="))
        yield step, int(answer or 0) if re.fullmatch(r"-?\d*", answer) else answer
