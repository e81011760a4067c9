"""A case: steps, what each is answered, and how what was found differs from it.

Example::

    Case(
        name="create-not-frozen",
        source="snapshot_ioctl(), kernel/power/user.c",
        steps=(
            ("open r", 0),
            ("CREATE_IMAGE", "EPERM"),
        ),
    )

What the words of a step mean: hibtest/probe/snapshotdev/session.py. A shorter way to write a case:
hibtest/snapshotdev/cases/parts.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

Answer = int | str


@dataclass(frozen=True, slots=True)
class Between:
    """Any number from ``low`` to ``high``, both included, that is a multiple of ``step``."""

    low: int
    high: int
    step: int = 1

    def __str__(self) -> str:
        multiple = f", a multiple of {self.step}" if self.step > 1 else ""
        return f"{self.low} to {self.high}{multiple}"

    def matches(self, found: Answer) -> bool:
        """Return whether an answer is such a number."""
        return isinstance(found, int) and self.low <= found <= self.high and not found % self.step


Wanted = Answer | Between


@dataclass(frozen=True, slots=True)
class Per:
    """What differs from kernel to kernel.

    :ivar wanted: By the release it was measured on, ascending. Other kernels are taken to answer
        like the one before them.
    """

    wanted: dict[str, Wanted]

    def on(self, release: str) -> Wanted:
        """Return what a kernel is expected to answer."""
        known = [name for name in self.wanted if version(name) <= version(release)]
        return self.wanted[known[-1] if known else next(iter(self.wanted))]

    def __str__(self) -> str:
        return ", ".join(f"{name}: {wanted}" for name, wanted in self.wanted.items())


Step = tuple[str, Wanted | Per]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Steps that one process takes, from a closed device on.

    :ivar name: Unique, made of ``a-z 0-9 -``.
    :ivar source: Where the kernel decides it: function, file.
    :ivar steps: Each with its answer: a number, a word or an errno.
    :ivar ends: How the process ends: ``ok``, a signal's name, or ``panic`` for the whole guest.
    :ivar says: What the kernel log must then hold, as a part of a line; empty for nothing.
    :ivar append: Words on the kernel command line; a guest that has others is booted anew.
    :ivar spends: Whether the guest is of no use after it.
    :ivar needs: Options that its answers depend on, without ``CONFIG_``: it does not apply to a
        kernel that lacks one. hibtest/probe/snapshotdev/lacks.py asks a guest for them.
    """

    name: str
    source: str
    steps: tuple[Step, ...]
    ends: Wanted | Per = "ok"
    says: Wanted | Per = ""
    append: tuple[str, ...] = ()
    spends: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a guest did with a case.

    :ivar release: Its kernel's release.
    :ivar found: The answers, up to the last step that had one.
    :ivar log: What the kernel said meanwhile.
    :ivar splats: Those of its lines, or of the console's, that tell of trouble.
    :ivar ended: As :attr:`Case.ends`; ``hung`` when the guest did not answer any more.
    :ivar console: The console's last lines, when the guest is lost.
    :ivar inapplicable: What of :attr:`Case.needs` the kernel lacks; nothing was done then.
    """

    release: str
    found: tuple[Answer, ...] = ()
    log: tuple[str, ...] = ()
    splats: tuple[str, ...] = ()
    ended: str = "ok"
    console: tuple[str, ...] = ()
    inapplicable: str = ""


def version(release: str) -> tuple[int, ...]:
    """Return the numbers that a release begins with.

    >>> version("6.12.107+deb13-cloud-amd64")
    (6, 12)
    """
    return tuple(int(number) for number in re.findall(r"\d+", release)[:2])


def objection(case: Case, answers: Answers) -> str:
    """Return how a case went otherwise than it should, line by line; empty if it did not."""
    if answers.inapplicable:
        found = [f"does not apply: {answers.inapplicable}"]
    else:
        found = [*_of_steps(case, answers), *_of_end(case, answers)]
    return "\n".join(
        [f"{case.name} on {answers.release} ({case.source}):", *found] if found else []
    )


def _of_steps(case: Case, answers: Answers) -> Iterator[str]:
    for number, (step, wanted) in enumerate(case.steps):
        where = (
            f"step {number + 1} of {len(case.steps)}, {step}: expected {_shown(wanted, answers)}"
        )
        if number >= len(answers.found):
            if answers.ended != _on(case.ends, answers.release):
                yield f"{where}, it did not come back"
            return
        found = answers.found[number]
        if not _matches(_on(wanted, answers.release), found):
            yield f"{where}, found {found}"


def _of_end(case: Case, answers: Answers) -> Iterator[str]:
    wanted, says = _on(case.ends, answers.release), _on(case.says, answers.release)
    if answers.ended != wanted:
        yield f"the end: expected {_shown(case.ends, answers)}, found {answers.ended}"
    if says and not any(str(says) in line for line in (*answers.log, *answers.splats)):
        yield f"the kernel log: expected {says!r}, it is not there"
    if answers.ended == wanted == "panic":
        return
    for line in answers.splats:
        if not says or str(says) not in line:
            yield f"the kernel log: {line}"
    yield from (f"console: {line}" for line in answers.console)


def _on(wanted: Wanted | Per, release: str) -> Wanted:
    return wanted.on(release) if isinstance(wanted, Per) else wanted


def _matches(wanted: Wanted, found: Answer) -> bool:
    return wanted.matches(found) if isinstance(wanted, Between) else wanted == found


def _shown(wanted: Wanted | Per, answers: Answers) -> str:
    measured = f" ({wanted})" if isinstance(wanted, Per) else ""
    return f"{_on(wanted, answers.release)}{measured}"
