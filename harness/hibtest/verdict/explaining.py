"""Which of several things that are wrong explains the others: it is the verdict, they are named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hibtest import story
from hibtest.evidence import Boot, WitnessReport
from hibtest.story import Cause
from hibtest.verdict.back import of_the_sleep
from hibtest.verdict.refused import of_the_refusal
from hibtest.verdict.storage import name_of
from hibtest.verdict.witnesses import differences


class Row(NamedTuple):
    """What explains things of the rows below, and why it does."""

    causes: tuple[str, ...]
    why: str


# What is in none of them comes last, witnesses before exercises, each in the order in which it was
# planted or done: nothing is known that it would explain.
ORDER = (
    Row(("witness-boot-id",), "another life has nothing of this one"),
    Row(
        ("audit-kernel-variables", "audit-mutexes"),
        "a switch that the kernel did not set back keeps others frozen, locked out, or refused",
    ),
    Row(
        ("witness-cpus",),
        "a CPU that is gone takes along what is bound to it: affinity, timers, threads",
    ),
    Row(
        ("witness-threads",),
        "who stands still, or is gone, does nothing of what the others wait for",
    ),
    Row(("witness-each-cpu",), "on a CPU whose timer makes no interrupts nobody wakes up"),
    Row(("witness-modules",), "a device is gone with its driver, and all that stands on it"),
    Row(("witness-interrupts",), "a device that cannot say when it is done has everybody wait"),
    Row(("witness-device-mapper",), "what stands on a device that is gone cannot be read"),
    Row(("witness-swaps",), "what was swapped out is gone with its swap"),
    Row(("witness-mounts",), "files are gone with their filesystem: caches, workloads"),
    Row(
        ("witness-storage-future", "witness-storage-lost"),
        "on a disk of another past nothing is as this life remembers it",
    ),
    Row(
        ("witness-memory", "witness-shared-memory", "witness-locked-memory",
         "witness-swapped-memory", "witness-memfd", "witness-tmpfs"),
        "a wrong byte may be part of anything: a count, a state, a number",
    ),
    Row(
        ("witness-page-cache", "witness-unlinked-file"),
        "what is read from a file is as wrong as its cache",
    ),
    Row(("witness-clocks",), "timers expire by a clock"),
    Row(("witness-network",), "connections are made of addresses and routes"),
    Row(
        ("witness-pending-timers", "witness-timerfd", "witness-signal-timers"),
        "a timer that is lost wakes nobody",
    ),
    Row(
        ("witness-stopped", "witness-traced", "witness-zombie", "witness-vfork-parent"),
        "a process that is in another state has somebody else wait in vain",
    ),
)  # fmt: skip
# These show what others do, and explain nothing: a counter that stands still, a wait without end.
_CONSEQUENCES = ("witness-counter", "witness-tcp", "witness-waiters")
_PLACE: Mapping[str, int] = {name: n for n, row in enumerate(ORDER) for name in row.causes}
# Trouble of the kernel that explains what is wrong with a guest: a CPU that is not there, a task
# that the kernel killed in its own code.
_BREAKS = frozenset({"cpu-lost", "oops", "bug"})
_SHOWN, _LONGEST = 3, 80  # things that are named with what is wrong, and characters of that


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """Something that is not in order.

    :ivar cause: What it is called in a verdict.
    :ivar said: What is wrong with it, a phrase each; the first has its name in it.
    :ivar field: Where it stands in the evidence.
    """

    cause: str
    said: tuple[str, ...]
    field: str

    @property
    def place(self) -> int:
        """Where it stands among others: the one that explains them is first."""
        if self.cause in _PLACE:
            return _PLACE[self.cause]
        return len(ORDER) + (2 if self.cause.startswith("audit-") else 0) + self._consequence

    @property
    def _consequence(self) -> int:
        return int(self.cause in _CONSEQUENCES)


def looked_at(boot: Boot) -> list[Wrong]:
    """Return what is wrong with the witnesses and exercises of a boot: what explains others first.

    What a refused hibernation itself brings about is not wrong, nor what sleep does.
    """
    return sorted([*_witnesses(boot), *_audits(boot)], key=lambda wrong: wrong.place)


def _witnesses(boot: Boot) -> Iterator[Wrong]:
    for report in boot.witnesses:
        if how := _wrong_with(report):
            said = tuple(f"witness {phrase}" for phrase in how)
            yield Wrong(cause=f"witness-{name_of(report)}", said=said, field="boots[*].witnesses")


def _wrong_with(report: WitnessReport) -> Sequence[str]:
    if report.error:
        return (f"{report.name}: {report.error}",)
    how = differences(report.name, report.planted, report.found)
    # a thread that still stands still says more than one that is gone for it
    return sorted(how, key=lambda phrase: "is stuck in" not in phrase)


def _audits(boot: Boot) -> Iterator[Wrong]:
    for one in boot.audits:
        if one.ok is False and not (of_the_refusal(boot, one) or of_the_sleep(boot, one)):
            said = (f"audit {one.name}: {one.detail}",)
            yield Wrong(cause=f"audit-{one.name}", said=said, field="boots[*].audits")


def with_it(others: Sequence[Wrong]) -> str:
    """Name, shortly, what else is wrong, as the end of a sentence; empty when nothing is."""
    if not others:
        return ""
    shown = [_short(wrong.said[0]) for wrong in others[:_SHOWN]]
    names = [wrong.cause for wrong in others[_SHOWN:]]
    return f"; with it: {'; '.join(shown)}{'; also ' if names else ''}{', '.join(names)}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def broken(boot: Boot) -> Cause | None:
    """Return the trouble of the kernel that explains whatever is wrong with its guest."""
    return story.trouble([m for m in boot.marks if not m.splat or m.name in _BREAKS])
