"""What a broken connection does to the look at a guest: nothing."""

from pathlib import Path

import pytest

import images
from harness.cli.prepare import bench
from harness.cycle import scripts, witness
from harness.cycle.boot import Lab
from harness.cycle.guest import kept
from harness.cycle.scripts import Notes, Past
from harness.deadline import Deadline
from harness.errors import GuestError
from harness.events import Event, Note
from harness.spec import GuestSpec, Scenario

pytestmark = pytest.mark.guest

SCENARIO = Scenario(name="hung-up", guest=GuestSpec(kernel="trixie", vcpus=1))
HANG_UP = "kill $(ps -o ppid= $$)"  # the parent of a command is sshd's process for the session


def test_a_connection_that_broke_is_made_anew(tmp_path: Path) -> None:
    images.build(["trixie"])
    events: list[Event] = []
    with kept(Lab.of(bench(tmp_path, "auto").job(SCENARIO), events.append)) as up:
        patience = up.run.lab.budget.patience
        soon = Deadline.after(10 * patience, "the planting")
        boot_id, planted, _ = witness.plant(up.shell, patience, soon)
        with pytest.raises(GuestError):
            up.shell.run(HANG_UP, soon)
        notes = Notes()
        scripts._examine(up.run, notes, up.shell, Past(planted=planted))
    assert any(isinstance(one, Note) and "connects anew" in one.text for one in events)
    assert notes.boot_id == boot_id
    assert [one.error for one in notes.witnesses] == [""] * len(planted)
    assert {one.name for one in notes.witnesses} == set(planted)
    assert notes.audits
