"""The boot that replays logs: on copies, which are gone afterwards, and never taken for a pass."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cycle.filesystems.replay import Replayed, replayed
from hibtest.cycle.lab import Lab
from hibtest.spec import AtStage, CutPower, Do, Fault, Mounts, Stage
from tests.cycle.jobs import ONE, job_in
from tests.cycle.pretend import Machine, Play, Scene
from tests.cycle.scenes import panics, starts

STRUCK = replace(
    ONE,
    faults=(Fault(when=AtStage(stage=Stage.WRITE), what=CutPower()),),
    between=(Do(command="true"),),
    mounts=Mounts.UNTOUCHED,
)

GONE = "the filesystem on /dev/vdb cannot be mounted"


def gives_up(why: str) -> Scene:
    """Boot afresh, and power off for a reason."""

    def scene(machine: Machine) -> None:
        machine.prints(f"hibtest: failed: {why}")
        machine.tells("SHUTDOWN", guest=True, reason="guest-shutdown")
        machine.ends()

    return scene


def replay(
    scene: Scene, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Replayed, Machine]:
    """Replay the logs of a run; return what came of it, and the machine."""
    job = job_in(directory, STRUCK)
    lab = Lab.of(job)
    lab.storage.make(job.files, job.directory)
    play = Play((scene,))
    play.instead(monkeypatch)
    with replayed(lab) as found:
        assert sorted(path.name for path in found.directory.iterdir()) == [
            "plan.raw",
            "root.qcow2",
            "swap.raw",
        ]
    assert not found.directory.exists()
    (machine,) = play.machines
    return found, machine


def test_the_guest_unmounts_copies_of_its_disks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, machine = replay(starts(), tmp_path, monkeypatch)
    assert (found.damage, found.lacking) == ("", "")
    assert machine.spec
    assert "noresume" in machine.spec.cmdline.split()
    assert "hibtest.mounts" not in machine.spec.cmdline  # which would keep it from replaying
    own = [disk.path for disk in machine.spec.disks if disk.serial in {"root", "swap", "plan"}]
    assert {path.parent for path in own} == {found.directory}
    assert machine.commands == ["swapoff -a && umount -a -t xfs,btrfs && sync"]
    assert machine.directory == tmp_path / "run" / "replay"  # its console stays


@pytest.mark.parametrize(
    ("scene", "damage", "lacking"),
    [
        (gives_up(GONE), f"the guest's kernel cannot mount it: hibtest: failed: {GONE}", ""),
        (gives_up("/dev/vdx cannot be mounted"), "",
         "the boot that was to replay its log: hibtest: failed: /dev/vdx cannot be mounted"),
        (panics(starts(), when="at once"), "the guest's kernel panics over it: ", ""),
        (gives_up("no plan disk"),
         "", "the boot that was to replay its log: hibtest: failed: no plan disk"),
        (panics(starts(), when="umount"), "", "the boot that was to replay its log: "),
    ],
)  # fmt: skip
def test_one_that_does_not_come_to_it_says_why(
    scene: Scene, damage: str, lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = replay(scene, tmp_path, monkeypatch)
    assert found.damage.startswith(damage)
    assert found.lacking.startswith(lacking)
    assert (bool(found.damage), bool(found.lacking)) == (bool(damage), bool(lacking))
