"""The matrix: what each scenario came to on each kernel, as a page in Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from hibtest.evidence import Evidence, GuestKernel
from hibtest.printable import printable, printable_json
from hibtest.spec import Scenario
from hibtest.spec.release import release_of
from hibtest.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A run that has been judged."""

    scenario: Scenario
    evidence: Evidence
    verdict: Verdict

    @property
    def kernel(self) -> GuestKernel:
        """Its guest's kernel; without a release where the run ended before that was known."""
        name = self.scenario.guest.kernel
        return self.evidence.kernel or GuestKernel(name=name, release="", sha256="")

    @property
    def pages(self) -> int:
        """How many pages were compared at the jump into the restored kernel, of all lives."""
        views = (boot.restored.image for boot in self.evidence.boots if boot.restored)
        return sum(view.pages + view.zeroes for view in views if view)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a page has of a run: it outlives the run's directory.

    :ivar question: The scenario's name with KERNEL in it: the same of all kernels.
    :ivar pages: See :attr:`Judged.pages`.
    :ivar said: The verdict in one line, its cause with it.
    :ivar known: The known bug of this kernel that is why it was expected; empty: none.
    """

    scenario: str
    question: str
    kernel: str
    release: str
    started: str
    seconds: float
    outcome: str
    cause: str
    expected: str
    as_expected: bool
    said: str
    pages: int = 0
    known: str = ""
    qemu: str = ""

    @classmethod
    def of(cls, run: Judged) -> "Row":
        """Return the row of a run."""
        host, verdict = run.evidence.host, run.verdict
        return cls(
            scenario=run.scenario.name,
            question=run.scenario.question,
            kernel=run.kernel.name,
            release=run.kernel.release,
            started=run.evidence.started,
            seconds=run.evidence.seconds,
            outcome=str(verdict.outcome),
            cause=verdict.cause,
            expected=str(verdict.expected),
            as_expected=verdict.as_expected,
            said=str(verdict).split("\n", maxsplit=1)[0],
            pages=run.pages,
            known=verdict.known,
            qemu=f"QEMU {host.qemu}, {host.accel}" if host else "",
        )


def line_of(row: Row) -> str:
    """Return a row as one line of JSON in which nothing is left that a terminal acts upon."""
    return printable_json(msgspec.json.encode(row).decode())


def row_of(line: bytes) -> Row:
    """Return the row that a line of JSON is.

    :raise ValueError: When it is none.
    """
    return msgspec.json.decode(line, type=Row)


def last_of_each(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return of each scenario's rows that of the run that began last."""
    last = {row.scenario: row for row in sorted(rows, key=lambda row: row.started)}
    return tuple(last[name] for name in sorted(last))


def markdown(rows: Sequence[Row], asked: Iterable[Scenario]) -> Iterator[str]:
    """Yield the lines of the page: a row for each question, a column for each kernel.

    :param rows: One for each scenario.
    :param asked: All scenarios that there are: one without a row was not run, and that is told.
    """
    run = {row.scenario for row in rows}
    missing = [one for one in asked if one.name not in run]
    tried = _kernels(rows)
    kernels = tuple(dict.fromkeys((*tried, *(one.guest.kernel for one in missing))))
    yield "# Every scenario on every kernel"
    yield ""
    yield from _about(rows, tried)
    if missing:
        yield f"* not run: {len(missing)} scenarios, `-` in the table"
    yield ""
    yield f"| scenario | {' | '.join(kernels)} |"
    yield f"|---|{'---|' * len(kernels)}"
    cells = {(one.question, one.guest.kernel): "-" for one in missing}
    cells |= {(row.question, row.kernel): _cell(row) for row in rows}
    for question in sorted({question for question, _ in cells}):
        line = " | ".join(cells.get((question, kernel), "") for kernel in kernels)
        yield f"| `{question}` | {line} |"
    yield from _section("Surprises", [row for row in rows if not row.as_expected])
    yield from _section("Known bugs", [row for row in rows if row.known and row.as_expected])


def _kernels(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the names of the kernels, the oldest first."""
    releases = {row.kernel: release_of(row.release) for row in rows}
    return tuple(sorted(releases, key=lambda name: (releases[name], name)))


def _about(rows: Sequence[Row], kernels: Sequence[str]) -> Iterator[str]:
    releases = {name: set[str]() for name in kernels}
    for row in rows:
        releases[row.kernel].add(row.release)
    names = "; ".join(f"{name}: Linux {', '.join(sorted(releases[name]))}" for name in kernels)
    days = sorted({row.started[:10] for row in rows})
    when = " to ".join(dict.fromkeys((days[0], days[-1])))
    good = sum(row.as_expected for row in rows)
    yield (
        "Made by `hibtest matrix` from the runs themselves; a cell has the outcome, its cause, how "
        "long the run took and how many pages were compared at the jump into the restored kernel. "
        "`hibtest plan SCENARIO` prints what a scenario does; KERNEL in a name stands for a "
        "column. A cell is empty where the question is not asked of that kernel. **Bold** is a "
        "surprise, and told below."
    )
    yield ""
    yield f"* {names}"
    yield f"* {'; '.join(sorted({row.qemu for row in rows if row.qemu}))}"
    yield f"* {when}: {good} of {len(rows)} as expected"


def _cell(row: Row) -> str:
    cause = f" ({row.cause})" if row.cause else ""
    came = _plain(f"{row.outcome}{cause}")
    pages = f", {row.pages} pages" if row.pages else ""
    mark = "" if row.as_expected else "**"
    return f"{mark}{came}{mark} {row.seconds:.0f} s{pages}"


def _section(heading: str, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield f"## {heading}"
    yield ""
    for row in rows:
        why = f" Known: {_plain(row.known)}" if row.known else ""
        yield f"* `{row.scenario}`, expected {_plain(row.expected)}: {_plain(row.said)}{why}"


def _plain(text: str) -> str:
    """Return text that a guest may have had a part in as one line of a table."""
    line = " ".join(printable(text.split("\n", maxsplit=1)[0]).split())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
