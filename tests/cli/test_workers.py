"""Workers of ``hibtest run``, and how they end: by themselves, badly, or with all others."""

import os

import pytest

from hibtest.bench.prepare import Bench
from hibtest.errors import ExitStatus
from hibtest.evidence import Evidence, Trouble, Try, read_json
from hibtest.job import EVIDENCE, Job
from hibtest.spec import Role, Scenario
from tests.commands import Command
from tests.host import Host

GOOD, OTHER = "refused-trixie-no-swap", "cold-trixie-noresume"
THIRD, *MORE = "cold-trixie-no-image", "refused-trixie-small-swap", "refused-trixie-no-memory"


@pytest.mark.parametrize(
    ("status", "cause"), [(3, "WorkerDied"), (ExitStatus.INTERRUPTED, "Interrupted")]
)
def test_how_a_worker_ends_is_a_fault_of_the_run(
    run: Command, host: Host, status: int, cause: str
) -> None:
    host.works(f"exit {int(status)}")
    assert run(GOOD).status == ExitStatus.UNAVAILABLE
    evidence = read_json(host.runs / GOOD / "1" / EVIDENCE, Evidence)
    assert evidence.scenario == GOOD
    assert evidence.host
    assert evidence.kernel
    assert evidence.trouble
    assert evidence.trouble.kind == cause
    assert (f"status {status}" in evidence.trouble.message) is (cause == "WorkerDied")


def test_what_a_worker_saw_before_it_broke_down_is_kept(run: Command, host: Host) -> None:
    host.works("leaves; exit 69")
    run(GOOD)
    evidence = read_json(host.runs / GOOD / "1" / EVIDENCE, Evidence)
    assert [boot.role for boot in evidence.boots] == [Role.SAVE]
    assert evidence.trouble
    assert evidence.trouble.kind == "WorkerDied"


def test_what_a_worker_said_of_itself_is_not_said_anew(run: Command, host: Host) -> None:
    trouble = Trouble(kind="HostError", message="no space left")
    host.saw(GOOD, Evidence(scenario=GOOD, trouble=trouble))
    host.works("leaves; exit 69")
    run(GOOD)
    assert read_json(host.runs / GOOD / "1" / EVIDENCE, Evidence).trouble == trouble


def test_the_workers_of_a_terminal_have_no_part_in_its_ctrl_c(run: Command, host: Host) -> None:
    host.works('cut -d " " -f 6 "/proc/$$/stat" >"$run/session"; leaves')
    run(GOOD)
    assert int((host.runs / GOOD / "1" / "session").read_text()) != os.getsid(0)


# Says that it runs, and then only waits to be ended.
WAITS = """trap 'echo ended >"$run/ended"; kill $!; echo >"$place/stopped"; exit 130' TERM
: >"$run/swap.raw"; sleep 600 & echo now >"$place/runs-now"; wait"""


@pytest.fixture
def surprise(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that surprises when another runs; a third begins when that is ended."""
    host.panics(GOOD)
    for name in ("runs-now", "stopped"):
        os.mkfifo(host.place / name)
    host.works(
        f'case "$name" in {GOOD}) read -r _ <"$place/runs-now"; leaves;;\n'
        f"{OTHER})\n{WAITS};;\n"
        '*) sleep 2; : >"$run/lived";; esac'
    )
    real = Bench.job

    def job(self: Bench, scenario: Scenario, tries: tuple[Try, ...] = ()) -> Job:
        if scenario.name == THIRD:
            (host.place / "stopped").read_text()
        return real(self, scenario, tries)

    monkeypatch.setattr(Bench, "job", job)


@pytest.mark.usefixtures("surprise")
def test_enough_surprises_end_the_runs_that_are_under_way(run: Command, host: Host) -> None:
    done = run(GOOD, OTHER, THIRD, "-j", "3", "--maxfail", "1")
    assert done.status == ExitStatus.UNEXPECTED
    assert "stopped: run 1 of " in done.out
    assert "0 of 3 as expected; 2 not run to an end" in done.out
    other = host.runs / OTHER / "1"
    assert (other / "ended").read_text() == "ended\n"
    assert not (other / "swap.raw").exists()
    assert not (other / "verdict.json").exists()


@pytest.mark.usefixtures("surprise")
def test_a_run_that_begins_at_that_moment_is_ended_too(run: Command, host: Host) -> None:
    run(GOOD, OTHER, THIRD, "-j", "3", "--maxfail", "1")
    third = host.runs / THIRD / "1"
    assert third.exists()
    assert not (third / "lived").exists()


@pytest.mark.usefixtures("surprise")
def test_a_run_that_would_begin_after_that_does_not(run: Command, host: Host) -> None:
    """The first of two more may be quicker; there is a place for the second when all is over."""
    run(GOOD, OTHER, THIRD, *MORE, "-j", "3", "--maxfail", "1")
    assert not (host.runs / MORE[-1]).exists()
