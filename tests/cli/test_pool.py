"""Runs side by side: none ends another, and what does not count is told."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from hibtest import images
from hibtest.bench.finish import Result
from hibtest.bench.prepare import Bench
from hibtest.cli.pool import Pool, parallel
from hibtest.cli.summary import Enough, Summary
from hibtest.errors import ExitStatus, HostError
from hibtest.evidence import Boot, Evidence, Exit, GuestKernel, Hang, Host, to_json
from hibtest.job import Job
from hibtest.report.board import Board
from hibtest.spec import GuestFiles, GuestSpec, Outcome, Role, Scenario, Stage

HOST = Host(qemu="10.0", accel="tcg")
ONE, TWO, THREE = (Scenario(name=name, guest=GuestSpec(kernel="trixie")) for name in "abc")
HANG = Hang(stage=Stage.BOOT, what="a guest that is ready", limit=90.0, lines=())
STUCK = Boot(role=Role.SAVE, directory="save", hang=HANG, exit=Exit(returncode=None))


class FakeBench(Bench):
    """Makes jobs without looking at any file of a guest."""

    def job(self, scenario: Scenario, tries: Any = (), own: Any = None) -> Job:
        """Return a job in a directory of its own."""
        directory = self.runs / scenario.name / str(len(tries) + 1)
        directory.mkdir(parents=True)
        (directory / "scenario.json").write_bytes(to_json(scenario))
        files: Any = GuestFiles
        kernel = GuestKernel(name="trixie", release="6.12", sha256="")
        return Job(
            scenario=scenario, files=files, kernel=kernel, host=HOST, qemu="qemu",
            directory=directory, tries=tries,
        )  # fmt: skip


Work = Callable[[Job], int]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Result]]:
    monkeypatch.setattr(images, "damaged", lambda _files: ())

    def run(work: Work, *scenarios: Scenario, retry: bool = True) -> list[Result]:
        monkeypatch.setattr(Pool, "_work", lambda _self, job: work(job))
        bench = FakeBench(host=HOST, qemu="qemu", runs=tmp_path, retry=retry)
        board = Board(Console(file=(tmp_path / "terminal").open("w")), 0)
        found: list[Result] = []
        Pool(bench, board, 1, keep=False).run(scenarios, found.append)
        return sorted(found, key=lambda result: result.verdict.scenario)

    return run


def _store(job: Job, *boots: Boot) -> int:
    evidence = Evidence(scenario=job.scenario.name, host=HOST, boots=boots, tries=job.tries)
    (job.directory / "evidence.json").write_bytes(to_json(evidence))
    return 0


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(28, "No space left on device", "/runs/x"), "HostError"),
        (HostError("/runs/x: No space left on device"), "HostError"),
        (KeyError("witnesses"), "KeyError"),
        (RecursionError("too deep"), "RecursionError"),
    ],
)
def test_what_breaks_one_run_is_told_and_the_others_go_on(
    error: Exception, cause: str, results: Callable[..., list[Result]]
) -> None:
    def work(job: Job) -> int:
        if job.scenario.name == "b":
            raise error
        return _store(job, replace(STUCK, hang=None, panic="Kernel panic - not syncing: x"))

    one, two, three = results(work, ONE, TWO, THREE, retry=False)
    assert one.verdict.outcome is three.verdict.outcome is Outcome.PANIC
    assert two.verdict.outcome is Outcome.INVALID
    assert two.verdict.cause == cause
    assert str(error.args[-1]).split(":")[0] in two.verdict.reason


def test_lines_of_one_scenario_say_of_which_run(tmp_path: Path) -> None:
    """The workers find no job.json, and end at once."""
    bench = FakeBench(host=HOST, qemu="qemu", runs=tmp_path)
    out = io.StringIO()
    board = Board(Console(file=out), 0)
    pool = Pool(bench, board, 1, keep=False)
    pool.run([ONE, TWO], lambda _: None)
    assert out.getvalue().splitlines() == ["a/1  starts", "b/1  starts"]


def test_where_it_broke_or_what_can_be_done_is_told(
    results: Callable[..., list[Result]], tmp_path: Path
) -> None:
    def work(job: Job) -> int:
        if job.scenario.name == "a":
            raise HostError("no space left", hint="free some")
        raise KeyError("witnesses")

    one, two = results(work, ONE, TWO)
    assert one.verdict.reason == "no space left (free some)"
    assert f"the run in {tmp_path / 'b' / '1'} could not be judged" in two.verdict.reason


@pytest.mark.parametrize(
    ("cpus", "free", "runs", "fit"),
    [(8, 2 * 912, 5, 2), (8, 2 * 912 - 1, 5, 1), (1, 9999, 5, 1), (8, 9999, 3, 3), (8, 100, 5, 1)],
    ids=["memory", "not quite", "cpus", "no more", "at least one"],
)
def test_as_many_guests_run_as_fit_on_this_host(
    monkeypatch: pytest.MonkeyPatch, cpus: int, free: int, runs: int, fit: int
) -> None:
    """A guest of 512 MiB takes 400 MiB more; the largest of them counts."""
    small = replace(ONE, guest=replace(ONE.guest, memory_mib=256))
    monkeypatch.setattr("os.cpu_count", lambda: cpus)
    memory = SimpleNamespace(available=free << 20)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    assert parallel([small, *[ONE] * (runs - 1)]) == fit


def test_evidence_that_cannot_be_read_is_that_runs(
    results: Callable[..., list[Result]],
) -> None:
    def work(job: Job) -> int:
        (job.directory / "evidence.json").write_bytes(b'{"scenario": "a", "boots": [{"ok": "yes"}')
        return 0

    (one,) = results(work, ONE)
    assert (one.verdict.outcome, one.verdict.as_expected) == (Outcome.INVALID, False)
    assert "evidence.json" in one.verdict.reason


def test_a_run_that_does_not_count_is_told(results: Callable[..., list[Result]]) -> None:
    ended: list[Path] = []

    def work(job: Job) -> int:
        ended.append(job.directory)
        return _store(job, STUCK)

    (one,) = results(work, ONE)
    assert [path.name for path in ended] == ["1", "2", "3"]
    assert one.verdict.outcome is Outcome.HUNG
    assert [Path(each.directory) for each in one.verdict.tries] == ended[:2]
    assert all(each.reason for each in one.verdict.tries)


def test_without_retry_the_first_one_counts(results: Callable[..., list[Result]]) -> None:
    (one,) = results(lambda job: _store(job, STUCK), ONE, retry=False)
    assert (one.verdict.outcome, one.verdict.tries) == (Outcome.HUNG, ())


def test_a_run_that_is_interrupted_is_called_so(results: Callable[..., list[Result]]) -> None:
    def work(job: Job) -> int:
        _store(job, replace(STUCK, hang=None))
        return ExitStatus.INTERRUPTED

    (one,) = results(work, ONE)
    assert (one.verdict.outcome, one.verdict.cause) == (Outcome.INVALID, "Interrupted")
    assert one.evidence is not None
    assert len(one.evidence.boots) == 1


def test_latest_moves_when_there_is_a_verdict(
    results: Callable[..., list[Result]], tmp_path: Path
) -> None:
    seen: list[bool] = []

    def work(job: Job) -> int:
        seen.append((tmp_path / "latest").exists())
        return _store(job, replace(STUCK, hang=None, panic="Kernel panic - not syncing: x"))

    results(work, ONE, retry=False)
    assert seen == [False]
    assert (tmp_path / "latest").resolve() == tmp_path / "a" / "1"


def test_enough_surprises_end_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "damaged", lambda _files: ())
    panicked = replace(STUCK, hang=None, panic="Kernel panic - not syncing: x")
    monkeypatch.setattr(Pool, "_work", lambda _self, job: _store(job, panicked))
    bench = FakeBench(host=HOST, qemu="qemu", runs=tmp_path, retry=False)
    out = io.StringIO()
    console = Console(file=out, width=200)
    board = Board(console, 0, 3)
    summary = Summary(console, board, tmp_path, 3, most=2)
    with pytest.raises(Enough):
        Pool(bench, board, 1, keep=False).run((ONE, TWO, THREE), summary.done)
    summary.show()
    assert summary.status() == ExitStatus.UNEXPECTED
    assert "0 of 3 as expected; 1 not run to an end" in out.getvalue()
