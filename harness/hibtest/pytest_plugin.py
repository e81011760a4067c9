"""The pytest plugin: options ``--hib-*`` and the fixtures ``hib_*`` for tests of scenarios.

A test that asks for one of them is made once for each of its module's ``SCENARIOS``, if it is not
parametrized with scenarios by itself. Nothing is done to tests without a scenario. The cycle is
run in a fixture and judged in the test: what the harness, QEMU or the host does wrong is an ERROR,
what the kernel does wrong is a FAILED.
"""

import os
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hibtest.pytest_options import (
    INAPPLICABLE,
    add_options,
    record,
    said,
    skip,
    tell_waiting,
)
from hibtest.spec import Scenario

if TYPE_CHECKING:
    from hibtest.bench.finish import Result
    from hibtest.bench.prepare import Bench
    from hibtest.evidence import Evidence, Try
    from hibtest.job import Job
    from hibtest.verdict import Verdict

_DISCARDED = "discarded"  # property of a test: a run that does not count
_MARKS = {
    "guest": "boots a real guest under QEMU (needs QEMU and built guest disks)",
    "smoke": "one full cycle of each guest kernel",
    "wide": "a guest scenario that asks a question again in one more combination",
}
_RESULT: "pytest.StashKey[Result]" = pytest.StashKey()

# The second imports the first: in this order both get their assertions rewritten.
pytest_plugins = ["hibtest.pytest_options", "hibtest.pytest_snapshotdev"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    add_options(parser.getgroup("hibtest", "hibernation scenarios"))


def pytest_configure(config: pytest.Config) -> None:
    """Make our marks known: people run with --strict-markers."""
    for name, what in _MARKS.items():
        config.addinivalue_line("markers", f"{name}: {what}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test for each of its module's scenarios."""
    if "hib_scenario" not in metafunc.fixturenames or _is_parametrized(metafunc):
        return
    found = getattr(metafunc.module, "SCENARIOS", ())
    params = [pytest.param(one, id=one.name) for one in found if isinstance(one, Scenario)]
    if params:
        metafunc.parametrize("hib_scenario", params, indirect=True)


def _is_parametrized(metafunc: pytest.Metafunc) -> bool:
    values = [
        value
        for mark in metafunc.definition.iter_markers("parametrize")
        for given in (mark.args[1] if len(mark.args) > 1 else mark.kwargs.get("argvalues", ()))
        for value in getattr(given, "values", given if isinstance(given, tuple) else (given,))
    ]
    return any(isinstance(value, Scenario) for value in values)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With one's own kernel, run each scenario once, not once per Debian kernel."""
    if not any(_scenario_of(item) for item in items):
        return
    from hibtest.bench.chosen import on_own_kernel
    from hibtest.errors import SpecError

    try:
        if said(config).kernel is None:
            return
    except SpecError as error:
        if hasattr(config, "workerinput"):  # a worker of xdist that ends here breaks it all
            return  # the fixture will say it
        raise pytest.UsageError(str(error)) from error

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
    """Mark a scenario's test as one with a guest, and with those of its tags that are marks."""
    if scenario := _scenario_of(item):
        for mark in {"guest", *_MARKS.keys() & set(scenario.tags)}:
            item.add_marker(mark)


def _scenario_of(item: pytest.Item) -> Scenario | None:
    callspec = getattr(item, "callspec", None)
    values = callspec.params.values() if callspec else ()
    return next((value for value in values if isinstance(value, Scenario)), None)


@pytest.fixture(scope="session")
def hib_bench(pytestconfig: pytest.Config) -> Iterator["Bench"]:
    """This host, looked at once: QEMU, acceleration, the runs directory, one's own kernel."""
    from hibtest import images
    from hibtest.bench.leftovers import owner
    from hibtest.bench.prepare import bench_as
    from hibtest.errors import HibtestError

    def tell(text: str) -> None:
        print(f"hibtest: {text}", file=sys.stderr)

    def look() -> "Bench | str":
        try:
            asked = said(pytestconfig)
            found = bench_as(asked)
            if asked.kernel is None:
                return found
            own = images.own_kernel(asked.kernel, asked.modules, doubt=tell)
            return replace(found, given=own)
        except HibtestError as error:
            return f"hibtest: {error}"

    found = look()
    if isinstance(found, str):  # out of the except clause: one message, no chain of errors
        pytest.fail(found, pytrace=False)
    with owner(found.runs, tell) as name:
        yield replace(found, owner=name)


@pytest.fixture
def hib_scenario(request: pytest.FixtureRequest) -> Scenario:
    """The test's scenario."""
    found = _scenario_of(request.node)
    if found is None:
        hint = "give its module a tuple SCENARIOS, or parametrize it with scenarios"
        pytest.fail(f"{request.node.nodeid} has no scenario: {hint}", pytrace=False)
    return found


@pytest.fixture
def hib_evidence(
    request: pytest.FixtureRequest, hib_bench: "Bench", hib_scenario: Scenario
) -> "Evidence":
    """The evidence of one run of the test's scenario; INVALID is an error of this fixture.

    A scenario that does not apply to one's own kernel, or to this host's QEMU, is skipped, and one
    that this host cannot run.
    """
    from hibtest import images
    from hibtest.bench.able import unable
    from hibtest.bench.chosen import changed, on_own_kernel, why_not
    from hibtest.bench.counting import until_it_counts
    from hibtest.spec.guest import OWN_KERNEL

    asked = said(request.config)
    scenario = changed(hib_scenario, asked)
    if hib_bench.given is not None:
        (scenario,) = on_own_kernel((scenario,))
    lacks = hib_bench.given.lacks if hib_bench.given else None
    if why := why_not(scenario, lacks, hib_bench.host):
        skip(request.node, why)
    if why := unable(hib_bench, scenario):
        skip(request.node, f"cannot be run here: {why}")
    if kernels := [kernel for kernel in scenario.kernels if kernel != OWN_KERNEL]:
        images.build(kernels)

    def once(tries: "tuple[Try, ...]") -> "Result":
        return _run(request.node, hib_bench.job(scenario, tries), keep=bool(asked.keep))

    def told(one: "Try") -> None:
        text = f"{one.outcome} in {one.directory}: {one.reason}"
        record(request.node, _DISCARDED, text)

    result = until_it_counts(once, told, retry=hib_bench.retry)
    request.node.stash[_RESULT] = result
    if result.evidence is None or result.invalid:
        pytest.fail(_explained(result), pytrace=False)
    return result.evidence


@pytest.fixture
def hib_verdict(hib_scenario: Scenario, hib_evidence: "Evidence") -> "Verdict":
    """The verdict of that run: ``assert hib_verdict.as_expected``."""
    from hibtest.verdict import judge

    return judge(hib_scenario, hib_evidence)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a test that failed what ``hibtest run`` says, with the run's directory.

    One that passed by a known bug of the kernel is told as xfailed; when the bug is gone it fails.
    """
    report = yield
    result = item.stash.get(_RESULT, None)
    if result is not None and result.verdict.known and report.passed and report.when == "call":
        report.outcome, report.wasxfail = "skipped", f"known bug: {result.verdict.known}"
    add = getattr(report.longrepr, "addsection", None)
    if result is not None and report.failed and report.when == "call" and add is not None:
        add("hibtest", _explained(result))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which runs do not count, and which tests do not apply to the kernel."""
    titles = {_DISCARDED: "runs that do not count", INAPPLICABLE: "does not apply here"}
    for name, title in titles.items():
        told = [
            f"{report.nodeid}: {text}"
            for reports in terminalreporter.stats.values()
            for report in reports
            if getattr(report, "when", "") == "call" or getattr(report, "outcome", "") != "passed"
            for known, text in getattr(report, "user_properties", ())
            if known == name
        ]
        if told:
            terminalreporter.section(f"hibtest: {title}")
            for line in dict.fromkeys(told):
                terminalreporter.line(line)


def _explained(result: "Result") -> str:
    from hibtest.report.terminal import explain_plainly

    where = os.fspath(result.job.directory) if result.job else ""
    return explain_plainly(result.verdict, where)


def _run(item: pytest.Item, job: "Job", *, keep: bool) -> "Result":
    from functools import partial

    from hibtest.bench.finish import finish
    from hibtest.events import fan_out
    from hibtest.report.jsonl import to_file
    from hibtest.runner import run
    from hibtest.verdict import settled

    record(item, "run", os.fspath(job.directory))
    record(item, "kernel", f"{job.kernel.name} {job.kernel.release} sha256:{job.kernel.sha256}")
    record(item, "qemu", job.host.qemu)
    record(item, "accel", f"{job.host.accel} ({job.host.accel_reason})")
    with to_file(job.directory / "events.jsonl") as sink:
        run(job, fan_out(sink, partial(tell_waiting, item.config)), settled)
    result = finish(job, keep=keep)
    record(item, "outcome", str(result.verdict.outcome))
    record(item, "reason", result.verdict.reason)
    if result.verdict.known:
        record(item, "known bug", result.verdict.known)
    return result
