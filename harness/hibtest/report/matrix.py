"""The matrix: what each scenario came to on each kernel, as a page in Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hibtest.evidence import Evidence, GuestKernel
from hibtest.printable import printable
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


def markdown(runs: Iterable[Judged]) -> Iterator[str]:
    """Yield the lines of the page: a row for each question, a column for each kernel.

    Of a scenario that was run several times, the run that began last counts.
    """
    last: dict[str, Judged] = {}
    for run in sorted(runs, key=lambda run: run.evidence.started):
        last[run.scenario.name] = run
    found = tuple(last.values())
    kernels = _kernels(found)
    yield "# Every scenario on every kernel"
    yield ""
    yield from _about(found, kernels)
    yield ""
    yield f"| scenario | {' | '.join(kernels)} |"
    yield f"|---|{'---|' * len(kernels)}"
    for question in sorted({run.scenario.question for run in found}):
        cells = {r.kernel.name: r for r in found if r.scenario.question == question}
        row = " | ".join(_cell(cells.get(kernel)) for kernel in kernels)
        yield f"| `{question}` | {row} |"
    yield from _surprises([run for run in found if not run.verdict.as_expected])


def _kernels(runs: Sequence[Judged]) -> tuple[str, ...]:
    """Return the names of the kernels, the oldest first."""
    releases = {run.kernel.name: release_of(run.kernel.release) for run in runs}
    return tuple(sorted(releases, key=lambda name: (releases[name], name)))


def _about(runs: Sequence[Judged], kernels: Sequence[str]) -> Iterator[str]:
    releases = {name: set[str]() for name in kernels}
    for run in runs:
        releases[run.kernel.name].add(run.kernel.release)
    names = "; ".join(f"{name}: Linux {', '.join(sorted(releases[name]))}" for name in kernels)
    known = {run.evidence.host for run in runs if run.evidence.host}
    hosts = sorted({f"QEMU {host.qemu}, {host.accel}" for host in known})
    days = sorted({run.evidence.started[:10] for run in runs})
    when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
    good = sum(run.verdict.as_expected for run in runs)
    yield (
        "Made by `hibtest matrix` from the runs themselves; a cell has the outcome, its cause, how "
        "long the run took and how many pages were compared at the jump into the restored kernel. "
        "`hibtest plan SCENARIO` prints what a scenario does; KERNEL in a name stands for a "
        "column. **Bold** is a surprise, and told below."
    )
    yield ""
    yield f"* {names}"
    yield f"* {'; '.join(hosts)}"
    yield f"* {when}: {good} of {len(runs)} as expected"


def _cell(run: Judged | None) -> str:
    if run is None:
        return ""
    verdict = run.verdict
    cause = f" ({verdict.cause})" if verdict.cause else ""
    came = _plain(f"{verdict.outcome}{cause}")
    pages = f", {run.pages} pages" if run.pages else ""
    mark = "" if verdict.as_expected else "**"
    return f"{mark}{came}{mark} {run.evidence.seconds:.0f} s{pages}"


def _surprises(runs: Sequence[Judged]) -> Iterator[str]:
    if not runs:
        return
    yield ""
    yield "## Surprises"
    yield ""
    for run in sorted(runs, key=lambda run: run.scenario.name):
        verdict = run.verdict
        yield f"* `{run.scenario.name}`, expected {verdict.expected}: {_plain(str(verdict))}"


def _plain(text: str) -> str:
    """Return text that a guest may have had a part in as one line of a table."""
    line = " ".join(printable(text.split("\n", maxsplit=1)[0]).split())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
