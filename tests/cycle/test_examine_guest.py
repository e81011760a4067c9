"""The look at a guest: with a broken connection, and with another clock source."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.cycle import witness
from hibtest.cycle.guest import Guest, kept
from hibtest.cycle.lab import Lab
from hibtest.cycle.probe import Probe
from hibtest.cycle.steps import Past, Situation
from hibtest.cycle.steps.examine import examine
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.events import Event, Note
from hibtest.evidence import Boot
from hibtest.spec import GuestSpec, Role, Scenario
from hibtest.verdict.witnesses import differences

pytestmark = pytest.mark.guest

SCENARIO = Scenario(name="looked-at", guest=GuestSpec(kernel="trixie", vcpus=1))
HANG_UP = "kill $(ps -o ppid= $$)"  # the parent of a command is sshd's process for the session
SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
FORGED = "clocksource: timekeeping watchdog on CPU0: tsc read-back delay of 1ns, marking unstable"


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def up(tmp_path: Path, events: list[Event]) -> Iterator[Guest]:
    images.build(["trixie"])
    with kept(Lab.of(bench(tmp_path, "auto").job(SCENARIO), events.append)) as up:
        yield up


def test_a_connection_that_broke_is_made_anew(up: Guest, events: list[Event]) -> None:
    patience = up.run.lab.budget.patience
    soon = Deadline.after(10 * patience, "the planting")
    boot_id, planted, _ = witness.plant(Probe(up.shell, patience), soon)
    with pytest.raises(GuestError):
        up.shell.run(HANG_UP, soon)
    at = Situation(up.run, Past(planted=planted), Boot(role=Role.SAVE, directory="save"))
    assert examine(at, up.shell)
    assert any(isinstance(one, Note) and "connects anew" in one.text for one in events)
    assert at.boot.boot_id == boot_id
    assert [one.error for one in at.boot.witnesses] == [""] * len(planted)
    assert {one.name for one in at.boot.witnesses} == set(planted)
    assert at.boot.audits


def test_a_clock_source_that_the_kernel_did_not_give_up_for_a_delay(up: Guest) -> None:
    patience = up.run.lab.budget.patience
    soon = Deadline.after(20 * patience, "two looks at the clocks")
    probe = Probe(up.shell, patience)
    _, planted, _ = witness.plant(probe, soon)
    up.shell.run(f"echo hpet >{SOURCE} && echo '<4>{FORGED}' >/dev/kmsg", soon)
    _, reports = witness.check(probe, planted, soon)
    (clocks,) = [one for one in reports if one.name == "clocks"]
    assert differences("clocks", planted["clocks"], clocks.found) == (
        "clocks: source was 'tsc', is 'hpet'",
    )
    assert clocks.found["delayed"] is False
