"""The pytest plugin: options ``--hib-*`` (with ``HIBTEST_*`` twins) and the fixtures of scenarios/.

The cycle is run in a fixture and judged in the test: what the harness, QEMU or the host does
wrong is an ERROR, what the kernel does wrong is a FAILED.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hibtest.printable import printable
from hibtest.spec import Outcome, Scenario

if TYPE_CHECKING:
    from hibtest.cli.prepare import Bench, OwnKernel, Result
    from hibtest.evidence import Evidence, Try
    from hibtest.job import Job

_DISCARDED = "discarded"  # property of a test: a run that does not count
_MARKS = frozenset({"smoke", "wide"})
Record = Callable[[str, object], None]

# The second imports the first: in this order both get their assertions rewritten.
pytest_plugins = ["hibtest.pytest_workers", "hibtest.pytest_device"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("hibtest", "hibernation scenarios")
    group.addoption(
        "--hib-kernel", metavar="BZIMAGE", help="your own kernel, in place of all [HIBTEST_KERNEL]"
    )
    group.addoption(
        "--hib-modules", metavar="DIR", help="its lib/modules/VERSION [HIBTEST_MODULES]"
    )
    group.addoption("--hib-accel", help="auto, kvm or tcg [HIBTEST_ACCEL]")
    group.addoption("--hib-runs", metavar="DIR", help="where runs go, ./runs [HIBTEST_RUNS]")
    group.addoption(
        "--hib-keep",
        action="store_const",
        const="1",
        help="keep disks also of good runs [HIBTEST_KEEP]",
    )
    group.addoption(
        "--hib-no-proof",
        action="store_const",
        const="1",
        help="do not compare the image with memory by page [HIBTEST_NO_PROOF]",
    )
    group.addoption(
        "--hib-no-retry",
        action="store_const",
        const="1",
        help="never make a run again, not even one that QEMU died of [HIBTEST_NO_RETRY]",
    )


def option(config: pytest.Config, name: str) -> str | None:
    """Return one of our options, or what its environment twin says."""
    value: str | None = config.getoption(f"--hib-{name}")
    return value or os.environ.get(f"HIBTEST_{name.upper().replace('-', '_')}") or None


def _own_kernel(config: pytest.Config) -> "OwnKernel | None":
    from hibtest.cli.prepare import OwnKernel

    bzimage, modules = option(config, "kernel"), option(config, "modules")
    if bzimage is None:
        if modules:
            raise pytest.UsageError(f"--hib-modules {modules} needs --hib-kernel BZIMAGE")
        return None
    return OwnKernel(bzimage=Path(bzimage), modules=Path(modules) if modules else None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With one's own kernel, run each scenario once, not once per Debian kernel."""
    if option(config, "kernel") is None:
        return
    from hibtest.cli.prepare import on_own_kernel

    seen: set[str] = set()
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        scenario = _scenario_of(item)
        name = on_own_kernel((scenario,))[0].name if scenario else item.nodeid
        (dropped if name in seen else kept).append(item)
        seen.add(name)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a scenario's test with those of its tags that are pytest's marks, too."""
    scenario = _scenario_of(item)
    for mark in _MARKS.intersection(scenario.tags if scenario else ()):
        item.add_marker(mark)


def _scenario_of(item: pytest.Item) -> Scenario | None:
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("scenario") if callspec else None
    return found if isinstance(found, Scenario) else None


@pytest.fixture(scope="session")
def bench(pytestconfig: pytest.Config, record_testsuite_property: Record) -> Iterator["Bench"]:
    """This host, looked at once: QEMU, acceleration, the runs directory."""
    from hibtest.cli import prepare
    from hibtest.cli.leftovers import owner

    runs = Path(option(pytestconfig, "runs") or "runs")
    accel = option(pytestconfig, "accel") or "auto"
    proof = option(pytestconfig, "no-proof") is None
    retry = option(pytestconfig, "no-retry") is None
    own = _own_kernel(pytestconfig)
    found = prepare.bench(runs, accel, own, proof=proof, retry=retry)
    record_testsuite_property("qemu", found.host.qemu)
    record_testsuite_property("accel", f"{found.host.accel} ({found.host.accel_reason})")
    with owner(found.runs, lambda text: print(f"hibtest: {text}", file=sys.stderr)) as name:
        yield replace(found, owner=name)


@pytest.fixture
def evidence(
    request: pytest.FixtureRequest, bench: "Bench", scenario: Scenario, record_property: Record
) -> "Evidence":
    """The evidence of one run of the test's ``scenario``; INVALID is an error of this fixture."""
    from hibtest import images
    from hibtest.cli.counting import until_it_counts
    from hibtest.cli.prepare import on_own_kernel

    if bench.own is not None:
        (scenario,) = on_own_kernel((scenario,))
    else:
        images.build([scenario.guest.kernel])
    keep = option(request.config, "keep") is not None

    def once(tries: "tuple[Try, ...]") -> "Result":
        return _run(bench.job(scenario, tries), record_property, keep=keep)

    def told(one: "Try") -> None:
        record_property(_DISCARDED, printable(f"{one.outcome} in {one.directory}: {one.reason}"))

    result = until_it_counts(bench, once, told)
    if result.evidence is None or result.verdict.outcome is Outcome.INVALID:
        pytest.fail(f"INVALID: {printable(result.verdict.reason)}", pytrace=False)
    return result.evidence


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which runs do not count."""
    told = [
        f"{report.nodeid}: {text}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call" or getattr(report, "failed", False)
        for name, text in getattr(report, "user_properties", ())
        if name == _DISCARDED
    ]
    if told:
        terminalreporter.section("hibtest: runs that do not count")
        for line in dict.fromkeys(told):
            terminalreporter.line(line)


def _run(job: "Job", record: Record, *, keep: bool) -> "Result":
    from hibtest.cli.prepare import finish
    from hibtest.report.jsonl import to_file
    from hibtest.runner import run

    record("run", os.fspath(job.directory))
    record("kernel", f"{job.kernel.name} {job.kernel.release} sha256:{job.kernel.sha256}")
    with to_file(job.directory / "events.jsonl") as sink:
        run(job, sink)
    result = finish(job, keep=keep)
    record("outcome", str(result.verdict.outcome))
    return result
