"""Which CPUs a guest has, and what is noted of a step that changes them."""

from dataclasses import replace

from hibtest.cycle.steps.situation import Situation
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import Cpus, StepReport
from hibtest.reach.shell import Shell

_LISTS = "cd /sys/devices/system/cpu && cat present online"


def look(at: Situation, shell: Shell) -> Cpus:
    """Return the CPUs of the guest.

    :raise GuestError: When it does not tell them.
    """
    told = shell.run(_LISTS, soon(at, "the lists of CPUs")).stdout.split()
    if len(told) != 2:
        raise GuestError(f"{' '.join(told)!r:.100} are no two lists of CPUs")
    present, online = told
    for one in told:
        numbers(one)
    return Cpus(present=present, online=online)


def note(
    at: Situation, name: str, cpus: tuple[Cpus, Cpus], said: str = "", *, ok: bool = True
) -> None:
    """Note a step.

    :param cpus: What they were before it, and are after it.
    :param said: What else there is to say of it.
    :param ok: Whether it did what it was to do.
    """
    before, now = cpus
    detail = f"online were CPUs {before.online}, are {now.online}{said and f': {said}'}"
    report = StepReport(name=name, detail=detail, ok=ok, before=before, after=now)
    at.boot = replace(at.boot, steps=(*at.boot.steps, report))


def count(cpus: str) -> int:
    """Return how many CPUs a list such as ``0-2,5`` has."""
    return len(numbers(cpus))


def numbers(cpus: str) -> set[int]:
    """Return the CPUs in a list such as ``0-2,5``.

    :raise GuestError: When it is none.
    """
    try:
        ends = [part.partition("-")[::2] for part in cpus.split(",") if part]
        ranges = [range(int(first), int(last or first) + 1) for first, last in ends]
    except ValueError as error:
        raise GuestError(f"{cpus!r:.100} is no list of CPUs") from error
    return {number for one in ranges for number in one}


def soon(at: Situation, what: str) -> Deadline:
    """Return a deadline for what a guest does at once."""
    return at.run.deadline(at.run.watch.stage, what)
