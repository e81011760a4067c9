"""``hibtest run``, whole, on a host that is only pretended: what it runs, tells and leaves."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.bench import prepare
from hibtest.errors import ExitStatus
from hibtest.events import BootStarted, ConsoleLine, StageEnded, StageStarted, to_line
from hibtest.evidence import read_json
from hibtest.job import Job
from hibtest.machine.shape import Accel
from hibtest.spec import Outcome, Role, Scenario, Stage
from hibtest.verdict import Verdict
from tests.commands import Command
from tests.host import RELEASE, SHA256, Host

GOOD, OTHER = "refused-trixie-no-swap", "cold-trixie-noresume"


def test_a_run_that_comes_as_expected(run: Command, host: Host) -> None:
    done = run(GOOD)
    assert (done.status, done.err) == (ExitStatus.EXPECTED, "")
    assert "QEMU 10.0.2, emulated\n" in done.out
    assert "1 of 1 as expected" in done.out
    assert host.built == [("trixie",)]
    directory = host.runs / GOOD / "1"
    verdict = read_json(directory / "verdict.json", Verdict)
    assert (verdict.outcome, verdict.as_expected) == (Outcome.REFUSED, True)
    assert (host.runs / "latest").resolve() == directory
    assert not (directory / "owner").exists()
    job = read_json(directory / "job.json", Job)
    assert (job.kernel.name, job.kernel.release, job.kernel.sha256) == ("trixie", RELEASE, SHA256)
    assert (job.host.qemu, job.host.accel, job.proof, job.retry) == ("10.0.2", "tcg", True, True)
    assert job.scenario == read_json(directory / "scenario.json", Scenario)


def test_what_its_worker_tells_is_shown(run: Command, host: Host) -> None:
    events = (
        BootStarted(t=0.0, boot=0, role=Role.SAVE),
        StageStarted(t=0.0, boot=0, stage=Stage.BOOT, limit=90.0),
        ConsoleLine(t=0.1, boot=0, text="hibtest: early"),
        StageEnded(t=4.0, boot=0, stage=Stage.BOOT, seconds=4.0),
    )
    (host.place / "events").write_bytes(b"".join(to_line(event) for event in events))
    host.works('cat "$place/events"; echo words >&2; leaves')
    done = run(GOOD, "-vv")
    told = done.out.splitlines()
    assert any(line.startswith(GOOD) and line.endswith("  save BOOT 4.0 s") for line in told)
    assert any(line.startswith(GOOD) and line.endswith("  | hibtest: early") for line in told)
    assert (host.runs / GOOD / "1" / "worker.stderr").read_text() == "words\n"


def test_without_kvm_it_is_said_who_tells_why(hibtest: Command, host: Host, tmp_path: Path) -> None:
    done = hibtest("run", "--runs", host.runs, GOOD)
    assert "QEMU 10.0.2, emulated (no KVM: `hibtest doctor` says why)\n" in done.out


def test_with_kvm_that_is_said(
    hibtest: Command, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "choose", lambda *_: (Accel.KVM, "a guest ran under it"))
    done = hibtest("run", "--runs", host.runs, GOOD)
    assert "QEMU 10.0.2, KVM\n" in done.out
    assert read_json(host.runs / GOOD / "1" / "job.json", Job).host.accel == "kvm"


@pytest.mark.parametrize("keep", [False, True])
def test_the_disks_of_a_good_run_go_unless_they_are_to_stay(
    run: Command, host: Host, keep: bool
) -> None:
    host.works('leaves; : >"$run/swap.raw"')
    assert run(GOOD, *(["--keep"] if keep else [])).status == ExitStatus.EXPECTED
    assert (host.runs / GOOD / "1" / "swap.raw").exists() is keep


def test_those_of_a_surprise_stay(run: Command, host: Host) -> None:
    host.panics(GOOD)
    host.works('leaves; : >"$run/swap.raw"')
    done = run(GOOD)
    assert done.status == ExitStatus.UNEXPECTED
    assert "PANIC" in done.out
    assert "0 of 1 as expected" in done.out
    assert (host.runs / GOOD / "1" / "swap.raw").exists()


def test_json_is_alone_on_standard_output(run: Command, host: Host) -> None:
    done = run(GOOD, OTHER, "--json")
    told = json.loads(done.out)
    assert {row["verdict"]["scenario"] for row in told} == {GOOD, OTHER}
    assert "QEMU 10.0.2" in done.err
    assert "2 of 2 as expected" in done.err


def test_ktap_is_alone_on_standard_output(run: Command) -> None:
    done = run(GOOD, "--ktap")
    assert done.out.splitlines()[:2] == ["KTAP version 1", "1..1"]
    assert done.out.splitlines()[-1] == f"ok 1 {GOOD}"
    assert "QEMU 10.0.2" in done.err


def test_each_time_has_a_directory_of_its_own(run: Command, host: Host) -> None:
    done = run(GOOD, "--times", "3")
    assert done.status == ExitStatus.EXPECTED
    assert "3 of 3 as expected" in done.out
    assert sorted(path.name for path in (host.runs / GOOD).iterdir()) == ["1", "2", "3"]


def test_the_spread_of_each_stage_is_told_at_the_end(run: Command) -> None:
    done = run(GOOD, "--times", "2")
    lines = [line.split() for line in done.out.splitlines()]
    assert [GOOD, "n", "median", "s", "min", "max", "p95"] in lines
    assert any(words[:3] == ["save", "FREEZE", "2"] for words in lines)


def test_it_stops_at_the_first_surprise(run: Command, host: Host) -> None:
    """Two runs go well, the third does not."""
    good = (host.place / "evidence" / GOOD).read_bytes()
    host.panics(GOOD)
    (host.place / "evidence" / "bad").write_bytes((host.place / "evidence" / GOOD).read_bytes())
    host.saw(GOOD, good)
    bad = 'case $run in */3) cp "$place/evidence/bad" "$run/evidence.json";; *) leaves;; esac'
    host.works(bad)
    done = run(GOOD, "--times", "9", "--until-unexpected", "-j", "1")
    assert done.status == ExitStatus.UNEXPECTED
    assert f"stopped: run 3 of {GOOD} surprised: {host.runs / GOOD / '3'}\n" in done.out
    assert f"{GOOD}: 2 of 3 REFUSED (ENODEV) (95 %: 21 to 94), 1 PANIC" in done.out
    assert sorted(path.name for path in (host.runs / GOOD).iterdir())[:3] == ["1", "2", "3"]
    assert "6 not run to an end" in done.out


@pytest.mark.parametrize(
    ("words", "wrong"),
    [((), "needs --times N"), (("--times", "3", "--maxfail", "2"), "each says when it stops")],
)
def test_to_stop_at_a_surprise_takes_times(
    run: Command, host: Host, words: tuple[str, ...], wrong: str
) -> None:
    done = run(GOOD, "--until-unexpected", *words)
    assert done.status == ExitStatus.USAGE
    assert wrong in done.err
    assert not host.runs.exists()


def test_nothing_that_surprised_is_nothing_to_run(run: Command, host: Host) -> None:
    run(GOOD)
    done = run("--failed", "-k", GOOD)
    assert done.status == ExitStatus.EXPECTED
    assert "there is nothing to run again" in done.out
    assert not (host.runs / GOOD / "2").exists()


def test_what_surprised_is_run_again(run: Command, host: Host) -> None:
    host.panics(GOOD)
    run(GOOD, OTHER)
    done = run("--failed")
    assert "0 of 1 as expected" in done.out
    assert (host.runs / GOOD / "2").exists()
    assert not (host.runs / OTHER / "2").exists()


def test_ones_own_kernel_takes_the_place_of_all(run: Command, host: Host, tmp_path: Path) -> None:
    own = "refused-own-no-swap"
    host.saw(own, (host.place / "evidence" / GOOD).read_bytes())
    done = run("-k", "no-swap", "--kernel", tmp_path / "bzImage", "--modules", tmp_path)
    assert done.status == ExitStatus.EXPECTED
    assert host.own == [(str(tmp_path / "bzImage"), tmp_path)]
    assert host.built == []
    job = read_json(host.runs / own / "1" / "job.json", Job)
    assert (job.scenario.name, job.scenario.guest.kernel) == (own, "own")
    assert job.files.kernel_name == "own"
    assert not (host.runs / GOOD).exists()


def test_modules_without_a_kernel_are_nobodys(run: Command, host: Host, tmp_path: Path) -> None:
    done = run(GOOD, "--modules", tmp_path)
    assert done.status == ExitStatus.USAGE
    assert "--modules" in done.err
    assert not host.runs.exists()


def test_a_run_again_is_that_run_again(run: Command, host: Host) -> None:
    run(GOOD, "--no-proof", "--no-retry", "--lives", "2")
    host.built.clear()
    done = run("--from", host.runs / GOOD / "1")
    assert done.status == ExitStatus.EXPECTED
    assert f"again: {host.runs / GOOD / '1'}, Linux {RELEASE}\n" in done.out
    assert host.built == []
    first, second = (
        read_json(host.runs / GOOD / number / "job.json", Job) for number in ("1", "2")
    )
    assert second.scenario.lives == 2
    assert replace(second, directory=first.directory) == first


def test_a_scenario_alone_is_run_with_todays_kernel(run: Command, host: Host) -> None:
    run(GOOD)
    (host.runs / GOOD / "1" / "job.json").unlink()
    host.built.clear()
    done = run("--from", host.runs / GOOD / "1")
    assert f"again: {host.runs / GOOD / '1'}\n" in done.out
    assert host.built == [("trixie",)]


def test_by_default_the_main_job_is_one_full_cycle(
    run: Command, host: Host, tmp_path: Path
) -> None:
    for kernel in ("bookworm", "trixie", "backports"):
        host.panics(f"baseline-{kernel}-platform-2cpu")
    run()
    assert host.built == [("backports", "bookworm", "trixie")]
    lives = {
        path.parents[1].name: read_json(path, Scenario).lives
        for path in host.runs.glob("*/*/scenario.json")
    }
    assert lives == {
        f"baseline-{kernel}-platform-2cpu": 1 for kernel in ("bookworm", "trixie", "backports")
    }


def test_runs_cannot_go_where_a_file_is(run: Command, host: Host) -> None:
    host.runs.write_text("in the way")
    done = run(GOOD)
    assert done.status == ExitStatus.UNAVAILABLE
    assert str(host.runs) in done.err
    assert "--runs DIR" in done.err


def test_the_script_of_a_run_makes_it_again(run: Command, host: Host) -> None:
    """By this hibtest; where that is gone, by the one that there is."""
    run(GOOD)
    directory = host.runs / GOOD / "1"
    script = directory / "rerun.sh"
    assert os.access(script, os.X_OK)
    launcher = next(word for word in script.read_text().split() if word.endswith("/hibtest"))
    script.write_text(script.read_text().replace(launcher, "/nowhere/hibtest"))
    host.program("hibtest", 'echo "$@"')
    done = subprocess.run([script, "--keep"], capture_output=True, text=True, check=True)
    assert done.stdout == f"run --from {directory} --keep\n"


def test_that_script_calls_the_hibtest_that_made_the_run(run: Command, host: Host) -> None:
    run(GOOD)
    script = host.runs / GOOD / "1" / "rerun.sh"
    launcher = next(word for word in script.read_text().split() if word.endswith("/hibtest"))
    ours = host.program("ours", 'echo ours "$@"')
    script.write_text(script.read_text().replace(launcher, str(ours)))
    done = subprocess.run([script], capture_output=True, text=True, check=True)
    assert done.stdout == f"ours run --from {script.parent}\n"


def test_a_plan_has_the_command_line_of_every_boot_and_starts_nothing(
    hibtest: Command, host: Host
) -> None:
    host.works("exit 1")
    done = hibtest("plan", OTHER, "--accel", "tcg")
    assert done.status == ExitStatus.EXPECTED
    assert done.out.count("qemu-system-x86_64 ") == 2
    assert " noresume " in done.out
    told = json.loads(hibtest("plan", OTHER, "--accel", "tcg", "--json").out)
    assert [boot["role"] for boot in told["boots"]] == ["save", "resume"]
    assert not host.runs.exists()


def test_what_ends_a_command_is_told_in_a_line_and_with_vv_from_where(
    run: Command, host: Host
) -> None:
    host.runs.write_text("in the way")
    assert "Traceback" not in run(GOOD).err
    assert "Traceback" in run(GOOD, "-vv").err
