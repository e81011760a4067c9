"""``hibtest boot``: a run's guest once more, with a QEMU, a guest and an ssh that are pretended."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.errors import ExitStatus
from hibtest.evidence import Evidence, to_json
from hibtest.job import Job
from hibtest.machine.shape import Accel
from hibtest.spec import AgentMethod, Stage, Target
from hibtest.verdict import Verdict
from tests.commands import Command
from tests.cycle.jobs import ONE
from tests.cycle.pretend import BEGINS, Machine, Play, Scene, log
from tests.cycle.scenes import hurry, resumes, saves, starts
from tests.host import Host

Runs = Callable[..., tuple[Evidence, Verdict]]
Boot = Callable[..., Path]
SERVED = replace(ONE, method=AgentMethod(target=Target.SERVER))
QEMU = """case "$*" in --version) echo QEMU emulator version 10.0.2; exit;; esac
for word; do printf '%s\\n' "$word"; done >"$(dirname "$0")/../words"; exit {}"""


@pytest.fixture
def run(runs: Runs, job: Job, host: Host) -> Path:
    """A run of three boots that kept its disks."""
    runs(ONE, saves(), resumes(), starts())
    return _kept(job)


def _kept(job: Job) -> Path:
    """Leave of a job what ``hibtest run`` does; with KVM, it waits for nobody's CPU."""
    for file in (job.files.kernel, job.files.initrd, job.files.toolbox):
        file.touch()
    job = replace(job, host=replace(job.host, accel=Accel.KVM))
    (job.directory / "job.json").write_bytes(to_json(job))
    (job.directory / "scenario.json").write_bytes(to_json(job.scenario))
    return job.directory


@pytest.fixture
def plays(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scene], Play]:
    """Have a machine be started that plays a scene."""

    def play(scene: Scene) -> Play:
        made = Play((scene,))
        made.instead(monkeypatch)
        return made

    return play


def _words(host: Host) -> list[str]:
    return (host.place / "words").read_text().splitlines()


@pytest.mark.parametrize("at", ["save", "resume", "cold"])
def test_a_shell_in_the_guest_of_a_run(
    hibtest: Command, run: Path, host: Host, plays: Callable[[Scene], Play], at: str
) -> None:
    host.program("ssh", f'echo "$@" >{host.place}/words; exit 3')
    play = plays(resumes() if at == "resume" else starts())
    before = (run / "swap.raw").read_bytes()[:8192]
    done = hibtest("boot", run, "--shell", "--at", at)
    assert done.status == 3
    came = "resumed" if at == "resume" else "ready"
    assert f"the guest is {came}; leave the shell to end it" in done.err
    assert f"its {at} boot, Linux 6.12, on copies of its disks" in done.err
    (words,) = _words(host)
    assert words.endswith("root@127.0.0.1")
    (machine,) = play.machines
    assert machine.spec
    assert not machine.spec.debug
    assert machine.directory.parent.parent == run
    assert all(run in disk.path.parents for disk in machine.spec.disks if not disk.readonly)
    assert (run / "swap.raw").read_bytes()[:8192] == before
    assert not list(run.glob(".boot-*"))


def test_as_which_boot_it_is_the_runs_last_if_nothing_is_said(
    hibtest: Command, run: Path, host: Host, plays: Callable[[Scene], Play]
) -> None:
    host.program("ssh", "exit 0")
    plays(starts())
    assert "its cold boot" in hibtest("boot", run, "--shell").err


def test_ssh_trusts_the_guest_by_its_key_alone(
    hibtest: Command, run: Path, host: Host, plays: Callable[[Scene], Play]
) -> None:
    host.program(
        "ssh",
        'for word; do case "$word" in UserKnownHostsFile=*) cat "${word#*=}";; esac; done'
        f" >{host.place}/words",
    )
    plays(starts())
    assert hibtest("boot", run, "--shell").status == ExitStatus.EXPECTED
    assert _words(host) == ["[127.0.0.1]:0 "]


def test_a_machine_that_ends_ends_its_shell(
    hibtest: Command, run: Path, host: Host, plays: Callable[[Scene], Play]
) -> None:
    there = host.place / "there"
    os.mkfifo(there)
    host.program("ssh", f"echo >{there}; exec sleep 600")
    watchers: list[threading.Thread] = []

    def scene(machine: Machine) -> None:
        starts()(machine)

        def ends() -> None:
            there.read_text()
            machine.prints("last words")
            machine.ends()

        watchers.append(threading.Thread(target=ends))
        watchers[-1].start()

    plays(scene)
    done = hibtest("boot", run, "--shell")
    watchers[0].join()
    assert done.status != ExitStatus.EXPECTED
    assert "the machine ended: its console ends: last words" in done.err


@pytest.mark.parametrize(
    ("lines", "said"),
    [(("hibtest: early",), "its console ends: hibtest: early"), ((), "its console is empty")],
)
def test_there_is_no_shell_in_a_machine_that_ended(
    hibtest: Command,
    run: Path,
    plays: Callable[[Scene], Play],
    lines: tuple[str, ...],
    said: str,
) -> None:
    def scene(machine: Machine) -> None:
        machine.prints(*lines)
        machine.ends()

    plays(scene)
    done = hibtest("boot", run, "--shell")
    assert done.status == ExitStatus.UNAVAILABLE
    assert f"the machine ended: {said}" in done.err
    assert not list(run.glob(".boot-*"))


def test_nor_in_one_that_stands_still(
    hibtest: Command,
    run: Path,
    plays: Callable[[Scene], Play],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch, Stage.BOOT)
    plays(lambda machine: machine.prints("hibtest: early"))
    done = hibtest("boot", run, "--shell")
    assert done.status == ExitStatus.UNAVAILABLE
    assert "did not come within" in done.err
    assert "its console ends: hibtest: early" in done.err


@pytest.mark.parametrize(
    ("status", "ours"), [(0, ExitStatus.EXPECTED), (1, ExitStatus.UNAVAILABLE)]
)
def test_a_console_on_this_terminal(
    hibtest: Command, run: Path, host: Host, status: int, ours: ExitStatus
) -> None:
    host.program("qemu-system-x86_64", QEMU.format(status))
    done = hibtest("boot", run, "--at", "resume")
    assert done.status == ours
    assert "Ctrl-a x ends it" in done.err
    words = _words(host)
    assert "-S" not in words
    assert "-gdb" not in words
    assert "mon:stdio" in words
    assert not list(run.glob(".boot-*"))


def test_a_guest_that_waits_for_gdb(hibtest: Command, run: Path, host: Host) -> None:
    host.program("qemu-system-x86_64", QEMU.format(0))
    done = hibtest("boot", run, "--gdb")
    words = _words(host)
    assert "-S" in words
    where = words[words.index("-gdb") + 1]
    socket = where.removeprefix("unix:").partition(",")[0]
    assert f"target remote {socket}" in done.err


def test_an_image_server_is_beside_it_again(
    hibtest: Command, runs: Runs, job: Job, host: Host
) -> None:
    """With the keys of the run, on another port; the run's own are left as they are."""

    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))
        error = "hibtest: hibernate agent returned 5 EIO Input/output error (write)"
        machine.hibernates = lambda _: machine.prints("hibtest: hibernate agent begins", error)

    runs(SERVED, scene)
    run = _kept(replace(job, scenario=SERVED))
    host.program("qemu-system-x86_64", QEMU.format(0))
    assert hibtest("boot", run, "--at", "cold").status == ExitStatus.EXPECTED
    words = _words(host)
    cmdline = words[words.index("-append") + 1]
    (agent,) = [word for word in cmdline.split() if word.startswith("hibtest.agent=server:")]
    assert int(agent.rpartition(":")[2])
    assert (run / "keys").is_dir()


@pytest.mark.parametrize("name", ["kernel", "initrd", "toolbox"])
def test_what_it_was_booted_from_must_still_be_there(
    hibtest: Command, run: Path, job: Job, name: str
) -> None:
    gone: Path = getattr(job.files, name)
    gone.unlink()
    done = hibtest("boot", run)
    assert done.status == ExitStatus.UNAVAILABLE
    assert f"{gone}, which that run was booted from, is not in the cache" in done.err
