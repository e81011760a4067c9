"""``hibtest run`` with real guests: stopped at any moment, killed, with a kernel of one's own."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from hibtest import images
from hibtest.bench.leftovers import owner
from hibtest.bench.rundir import VERDICT
from hibtest.cycle.storage.left import disks_in
from hibtest.deadline import Deadline, poll
from hibtest.errors import ExitStatus
from hibtest.events import StageStarted, from_line
from hibtest.evidence import Evidence, read_json
from hibtest.job import Job
from hibtest.spec import GuestFiles, Outcome, Stage
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

ROOT = Path(__file__).parents[2]
LIMIT = 300.0  # s; a guest that gets nowhere in this time never will


@contextmanager
def _run(runs: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "hibtest", "run", "--runs", os.fspath(runs), *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=ROOT, text=True, stdout=pipe, stderr=pipe) as front:
        try:
            yield front
        finally:
            front.kill()


def _belongs_to(runs: Path) -> list[psutil.Process]:
    """Return the processes whose command line names the runs directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and os.fspath(runs) in " ".join(
                process.cmdline()
            ):
                found.append(process)
        except psutil.Error:  # it ended while we looked
            continue
    return found


def _reached(runs: Path, stage: Stage) -> bool | None:
    for path in runs.glob("*/*/events.jsonl"):
        lines = path.read_bytes().splitlines()
        events = [from_line(line) for line in lines if line.endswith(b"}")]
        if any(isinstance(event, StageStarted) and event.stage is stage for event in events):
            return True
    return None


def _wait_for(runs: Path, stage: Stage) -> None:
    poll(lambda: _reached(runs, stage), Deadline.after(LIMIT, f"the guest's {stage}"))


def _all_gone(runs: Path) -> bool | None:
    return not _belongs_to(runs) or None


@pytest.mark.parametrize(
    "stage", [pytest.param(Stage.BOOT, marks=pytest.mark.wide), Stage.PREPARE, Stage.FREEZE]
)
def test_ctrl_c_leaves_nothing_running_and_loses_nothing(stage: Stage, tmp_path: Path) -> None:
    with _run(tmp_path, "-k", "cold-trixie-noresume") as front:
        _wait_for(tmp_path, stage)
        front.send_signal(signal.SIGINT)
        _, said = front.communicate(timeout=LIMIT)
    assert front.returncode == ExitStatus.INTERRUPTED
    assert said.startswith("hibtest: interrupted")
    assert "Traceback" not in said
    assert _belongs_to(tmp_path) == []
    (run,) = tmp_path.glob("cold-trixie-noresume/1")
    assert (run / "save" / "console.log").exists()
    assert not (run / "root.qcow2").exists()
    trouble = read_json(run / "evidence.json", Evidence).trouble
    assert trouble is not None
    assert trouble.kind == "Interrupted"
    assert not (tmp_path / "latest").is_symlink()  # there is no verdict


def test_output_for_programs_is_nothing_else(tmp_path: Path) -> None:
    """KTAP and JSON on standard output; all words for people go to standard error."""
    name = "refused-trixie-no-swap"
    with _run(tmp_path, name, "--no-proof", "--ktap") as front:
        told, said = front.communicate(timeout=LIMIT)
    assert front.returncode == ExitStatus.EXPECTED
    assert told.splitlines()[:2] == ["KTAP version 1", "1..1"]
    assert told.splitlines()[-1] == f"ok 1 {name}"
    assert "1 of 1 as expected" in said
    with _run(tmp_path, name, "--no-proof", "--json") as front:
        told, said = front.communicate(timeout=LIMIT)
    [row] = json.loads(told)
    assert row["verdict"]["outcome"] == "REFUSED"
    assert row["directory"] == str(tmp_path / name / "2")
    assert "1 of 1 as expected" in said


def test_sigkill_of_the_front_ends_worker_and_machine(tmp_path: Path) -> None:
    with _run(tmp_path, "-k", "cold-trixie-noresume") as front:
        _wait_for(tmp_path, Stage.BOOT)
        assert len(_belongs_to(tmp_path)) >= 3  # the front, its worker, QEMU
        front.kill()
        poll(lambda: _all_gone(tmp_path), Deadline.after(LIMIT, "the end of all of them"))
    _nothing_is_left(tmp_path)


def _nothing_is_left(runs: Path) -> None:
    """Check what a killed run leaves once the next begins: what it saw, and nothing else."""
    with owner(runs, lambda _: None):
        pass
    assert [path for run in runs.glob("[!.]*/[0-9]*") for path in disks_in(run)] == []
    assert list(runs.glob(".owners/*")) == []


def _workers(runs: Path) -> list[psutil.Process]:
    with suppress(psutil.Error):  # it ended while we looked: that is a moment, too
        return [one for one in _belongs_to(runs) if "hibtest.cli.worker" in one.cmdline()]
    return []


_CHANCE = random.Random(8)  # noqa: S311
MOMENTS = [round(_CHANCE.uniform(0, 60), 1) for _ in range(50)]


@contextmanager
def _run_for(runs: Path, seconds: float) -> Iterator[subprocess.Popen[str]]:
    with _run(runs, "-k", "baseline-trixie-platform-2cpu") as front:
        with suppress(subprocess.TimeoutExpired):
            front.communicate(timeout=seconds)
        yield front


@pytest.mark.wide
@pytest.mark.parametrize("at", MOMENTS)
def test_sigkill_at_any_moment_leaves_nothing(tmp_path: Path, at: float) -> None:
    with _run_for(tmp_path, at) as front:
        front.kill()
        poll(lambda: _all_gone(tmp_path), Deadline.after(LIMIT, "the end of all of them"))
    _nothing_is_left(tmp_path)


@pytest.mark.wide
@pytest.mark.parametrize("at", MOMENTS)
def test_sigkill_of_the_worker_at_any_moment_is_its_runs_end(tmp_path: Path, at: float) -> None:
    with _run_for(tmp_path, at) as front:
        for worker in _workers(tmp_path):
            worker.kill()
        said, _ = front.communicate(timeout=LIMIT)
    assert _belongs_to(tmp_path) == []
    (run,) = tmp_path.glob("baseline-trixie-platform-2cpu/1")
    verdict = read_json(run / VERDICT, Verdict)
    if front.returncode == ExitStatus.EXPECTED:  # it was over before
        assert verdict.as_expected
        return
    assert front.returncode == ExitStatus.UNAVAILABLE
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "WorkerDied")
    assert "ended with status -9" in said


def _unpacked_modules(files: GuestFiles, directory: Path) -> Path:
    assert files.modules is not None
    modules = directory / "modules" / files.release
    modules.parent.mkdir()
    subprocess.run(["unsquashfs", "-q", "-n", "-d", modules, files.modules], check=True)
    return modules


def test_a_kernel_of_ones_own_takes_the_place_of_all(tmp_path: Path) -> None:
    files = images.guest_files("trixie")
    modules = _unpacked_modules(files, tmp_path)
    words = ["--kernel", os.fspath(files.kernel), "--modules", os.fspath(modules)]
    options = ["--accel", "tcg", "--no-proof"]
    with _run(tmp_path / "runs", *words, *options, "-k", "noresume") as front:
        told, said = front.communicate(timeout=LIMIT)
    assert (front.returncode, said) == (ExitStatus.EXPECTED, "")
    assert "cold-own-noresume" in told
    assert "1 of 1 as expected" in told
    _again_from_elsewhere(tmp_path / "runs" / "cold-own-noresume", modules)


def _again_from_elsewhere(runs: Path, modules: Path) -> None:
    """Check that rerun.sh makes the same run again, whatever became of what it was given."""
    shutil.rmtree(modules)
    argv = ["sh", os.fspath(runs / "1" / "rerun.sh")]
    elsewhere = runs.parents[1] / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(argv, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == ExitStatus.EXPECTED, done.stdout + done.stderr
    first, second = (read_json(runs / name / "job.json", Job) for name in "12")
    assert (second.kernel, second.scenario) == (first.kernel, first.scenario)
    assert (second.proof, second.host.accel) == (False, "tcg")
    assert list(elsewhere.iterdir()) == []


def test_modules_of_another_version_are_refused(tmp_path: Path) -> None:
    files, other = images.guest_files("trixie"), images.guest_files("bookworm")
    modules = _unpacked_modules(other, tmp_path)
    words = ["--kernel", os.fspath(files.kernel), "--modules", os.fspath(modules)]
    with _run(tmp_path / "runs", *words) as front:
        _, said = front.communicate(timeout=LIMIT)
    assert front.returncode == ExitStatus.USAGE
    assert files.release in said
    assert other.release in said
