"""After a run, where there is nothing to boot, or no run."""

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.bench.rundir import the_run
from hibtest.cli.again import again
from hibtest.cli.boot import _job, _outlook, boot
from hibtest.cli.show_run import show
from hibtest.errors import SpecError
from hibtest.evidence import Boot, Evidence, GuestKernel, Hang, Host, StageTime, Trouble, to_json
from hibtest.image.place import ImagePlace
from hibtest.job import Job
from hibtest.settings import Settings
from hibtest.spec import GuestFiles, GuestSpec, Role, Scenario, Stage
from tests.image.writer import Recipe, write

ONE = Scenario(name="one", guest=GuestSpec(kernel="trixie"))
KERNEL = GuestKernel(name="trixie", release="6.12.1", sha256="ab" * 32)
HOST = Host(qemu="10.0", accel="tcg", accel_reason="asked\x1b[2J for")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that hung, without disks."""
    run = tmp_path / "runs" / "one" / "2"
    (run / "save").mkdir(parents=True)
    file = tmp_path / "file"
    files = GuestFiles(
        kernel_name="trixie", release="6.12.1", kernel=file, initrd=file, root=file, toolbox=file,
        modules=None, ssh_key=file, host_key="", manifest=file,
    )  # fmt: skip
    job = Job(
        scenario=ONE, files=files, kernel=KERNEL, host=HOST, qemu="qemu", directory=run,
        proof=False, retry=False,
    )  # fmt: skip
    stages = (
        StageTime(stage=Stage.BOOT, t=0.0, seconds=2.5),
        StageTime(stage=Stage.WRITE, t=2.5, seconds=246.0),
        StageTime(stage=Stage.BOOT, t=3.0, seconds=1.0),
    )
    hang = Hang(stage=Stage.WRITE, what="the end\x1b[2J", limit=246.0, lines=("last words",))
    boot = Boot(role=Role.SAVE, directory="save", ready=True, stages=stages, hang=hang)
    evidence = Evidence(
        scenario="one", host=HOST, kernel=KERNEL, boots=(boot,), seconds=250.0,
        started="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    (run / "scenario.json").write_bytes(to_json(ONE))
    (run / "job.json").write_bytes(to_json(job))
    (run / "evidence.json").write_bytes(to_json(evidence))
    (run / "save" / "console.log").write_text("last words\n")
    return run


def test_a_surprise_is_shown_with_its_stage_times(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(run)
    said = capsys.readouterr().out
    assert "one: HUNG (WRITE), expected RESUMED" in said
    assert "WRITE    246.0" in said
    assert "BOOT       3.5" in said
    assert "in all   249.5" in said
    assert "save/console.log" in said
    assert "hibtest boot" not in said  # no disks were kept
    assert said.replace("\n", "").isprintable()


def test_what_each_boot_started_from_is_shown(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "started   save from its firmware\n" in _shown(run, capsys)
    seen = json.loads((run / "evidence.json").read_text())
    seen["boots"][0] |= {"template": "template-ready-1", "threads": "single"}
    (run / "evidence.json").write_text(json.dumps(seen))
    assert "started   save from template-ready-1 (thread=single)" in _shown(run, capsys)


def _shown(run: Path, capsys: pytest.CaptureFixture[str]) -> str:
    show(run)
    return capsys.readouterr().out


def test_a_run_that_never_began_has_no_times(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Interrupted before there was anything to see: what is not known is left out."""
    trouble = Trouble(kind="Interrupted", message="the run was interrupted (Ctrl-C, or a signal)")
    evidence = Evidence(scenario="one", host=HOST, kernel=KERNEL, trouble=trouble)
    (run / "evidence.json").write_bytes(to_json(evidence))
    show(run)
    said = capsys.readouterr().out
    assert "one: INVALID (Interrupted)" in said
    assert "kernel    trixie 6.12.1" in said
    assert "began    " not in said
    assert "in all" not in said


def test_a_boot_that_is_called_as_nobody_calls_one_moves_no_terminal(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "x\x1b]0;owned\x07[red]"
    text = (run / "evidence.json").read_text()
    evil_json = json.dumps(evil)
    (run / "evidence.json").write_text(
        text.replace('"directory": "save"', f'"directory": {evil_json}')
    )
    (run / evil).mkdir()
    (run / evil / "console.log").write_text("x")
    show(run)
    said = capsys.readouterr().out
    assert "owned" in said
    assert "[red]" in said
    assert said.replace("\n", "").isprintable()


@pytest.fixture
def ours(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose files are in the cache, with disks; QEMU is there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    store = tmp_path / "cache" / "hibtest" / "store"
    store.mkdir(parents=True)
    (store / "file").touch()
    text = (run / "job.json").read_text()
    (run / "job.json").write_text(text.replace(str(tmp_path / "file"), str(store / "file")))
    _qcow2(run / "root.qcow2", store / "file")
    (run / "swap.raw").write_bytes(bytes(4096))
    return run


def _qcow2(path: Path, backing: Path) -> None:
    """Write the header of a qcow2 disk, docs/interop/qcow2.txt (QEMU 10.0)."""
    name = str(backing).encode()
    head = struct.pack(">4sIQI", b"QFI\xfb", 3, 112, len(name)).ljust(72, b"\0")
    head += struct.pack(">QQQII", 0, 0, 0, 4, 104) + struct.pack(">II", 0, 0)
    path.write_bytes(head.ljust(112, b"\0") + name)


def test_a_run_that_names_files_elsewhere_is_not_booted(run: Path) -> None:
    with pytest.raises(SpecError, match="names files that are not in this cache"):
        boot(run)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: _qcow2(run / "root.qcow2", Path("/etc/shadow")), "lies on '/etc/shadow'"),
        (lambda run: (run / "root.qcow2").write_bytes(b"raw"), "lies on 'nothing that is qcow2'"),
        (lambda run: _link(run / "swap.raw"), "swap.raw: no disk of a run"),
    ],
    ids=["backing", "raw", "link"],
)
def test_nor_one_whose_disks_lead_elsewhere(
    ours: Path, change: Callable[[Path], object], said: str
) -> None:
    change(ours)
    with pytest.raises(SpecError, match=said):
        boot(ours)
    assert not list(ours.glob(".boot-*"))


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def test_the_qemu_of_a_run_is_not_started(ours: Path) -> None:
    text = (ours / "job.json").read_text()
    (ours / "job.json").write_text(text.replace('"qemu": "qemu"', '"qemu": "/tmp/evil"'))
    assert _job(ours).qemu == "/usr/bin/qemu-system-x86_64"


def test_without_disks_there_is_nothing_to_boot(ours: Path) -> None:
    for name in ("root.qcow2", "swap.raw"):
        (ours / name).unlink()
    with pytest.raises(SpecError, match="its disks are not there") as caught:
        boot(ours)
    assert "rerun.sh --keep" in str(caught.value.hint)


@pytest.mark.parametrize("agent", [False, True])
def test_a_guest_that_will_start_afresh_is_told_as_one(tmp_path: Path, agent: bool) -> None:
    """After a good resume the image is used up, whichever boot is asked for."""
    place = ImagePlace(path=tmp_path / "swap.raw", agent=agent)
    place.path.write_bytes(write(Recipe(header={"sig": b"SWAPSPACE2"})).disk)
    for role in (Role.RESUME, Role.COLD):
        assert "the guest starts afresh" in _outlook(place, role)
    assert _outlook(place, Role.SAVE) == ""  # as it always does


def test_nothing_is_said_of_an_image_that_waits(tmp_path: Path) -> None:
    place = ImagePlace(path=tmp_path / "swap.raw")
    place.path.write_bytes(write(Recipe()).disk)
    assert _outlook(place, Role.RESUME) == ""


def test_a_server_that_has_no_image_has_none_that_waits(tmp_path: Path) -> None:
    place = ImagePlace(path=tmp_path / "image.hib", agent=True, swap=False)
    assert "the guest starts afresh" in _outlook(place, Role.RESUME)


def test_a_guest_that_waits_for_gdb_has_no_shell(run: Path) -> None:
    with pytest.raises(SpecError, match="has no shell"):
        boot(run, shell=True, gdb=True)  # noqa: S604


def test_what_holds_runs_names_the_last_of_them(run: Path) -> None:
    (run.parent / "10").mkdir()
    with pytest.raises(SpecError, match="no run, but what holds them") as caught:
        the_run(run.parent)
    assert caught.value.hint == f"the last is {run.parent / '10'}"
    with pytest.raises(SpecError, match=r"no scenario\.json in it"):
        the_run(run.parents[1])
    with pytest.raises(SpecError, match="no such directory"):
        the_run(run / "nowhere")


def test_a_run_is_made_again_as_it_was(run: Path) -> None:
    one = again(run)
    assert one.scenario == ONE
    runs = run.parents[1]
    assert one.said == Settings(accel="tcg", proof=False, retry=False, warm=False, runs=runs)


def test_of_a_kernel_that_is_gone_its_name_and_sum_are_told(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(SpecError, match=r"the kernel of that run, trixie 6.12.1") as caught:
        again(run).files(lambda _: None)
    assert "is not in the cache" in str(caught.value)


def test_a_scenario_that_was_edited_to_another_kernel_has_todays(run: Path) -> None:
    edited = replace(ONE, guest=replace(ONE.guest, kernel="bookworm"))
    (run / "scenario.json").write_bytes(to_json(edited))
    assert again(run).files(lambda _: None) is None


def test_a_scenario_alone_can_be_run(tmp_path: Path) -> None:
    (tmp_path / "scenario.json").write_bytes(to_json(ONE))
    one = again(tmp_path)
    assert (one.job, one.said) == (None, Settings())
