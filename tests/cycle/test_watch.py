"""The one wait: a console on a real socket, a machine that is only pretended."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import cast

import pytest

from hibtest import story
from hibtest.cycle import silence, watch
from hibtest.cycle.answers import Garbled
from hibtest.cycle.budget import Budget
from hibtest.cycle.watch import Stalled, Watch
from hibtest.errors import HostError
from hibtest.events import ConsoleLine, Event, Note
from hibtest.evidence import Exit
from hibtest.machine.monitor import Event as QmpEvent
from hibtest.machine.process import Machine
from hibtest.reach.console import Console
from hibtest.spec import Stage
from tests.cycle import pretend
from tests.story.transcripts import NAMES, lines_of


class Bench:
    """A watch, the guest's end of its console, its machine and the events it sent."""

    def __init__(self, machine: pretend.Machine, console: Console, limit: float) -> None:
        self.guest = machine.guest
        self.machine = machine
        self.sent: list[Event] = []
        budget = Budget(memory_mib=512, vcpus=1, kvm=True, busy=limit)
        began = time.monotonic()
        pretended = cast(Machine, machine)
        self.watch = Watch(pretended, console, budget, self.sent.append, began, 0)
        self.prints = machine.prints

    def sees(self, name: str) -> None:
        self.watch.until(lambda: self.watch.seen(name), name)


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    machine = pretend.Machine(Path())
    with closing(machine), Console(machine.console) as console:
        yield Bench(machine, console, getattr(request, "param", 1.0))


def test_a_line_becomes_a_mark_and_begins_its_stage(bench: Bench) -> None:
    bench.watch.enter(Stage.FREEZE)
    bench.prints("[    9.1] PM: hibernation: Preallocating image memory")
    bench.sees("preallocate")
    assert bench.watch.stage is Stage.PREALLOCATE
    assert [mark.name for mark in bench.watch.record.marks] == ["preallocate"]


@pytest.mark.parametrize("bench", [60.0], indirect=True)
def test_a_guest_that_never_stops_printing_is_not_listened_to_until_its_deadline(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_MOST_PRINTED", 1 << 20)
    ended = threading.Event()

    def flood() -> None:
        bench.guest.settimeout(0.1)  # a guest whose console nobody reads stands still
        while not ended.is_set():
            with suppress(TimeoutError):
                bench.guest.sendall(b"BUG: unable to handle page fault\r\n" * 100)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        with pytest.raises(Garbled, match="printed more than 1 MiB on its console"):
            bench.watch.until(lambda: None, "a guest that is ready")
    finally:
        ended.set()
        thread.join()
    line = len("BUG: unable to handle page fault\n")
    assert len(bench.watch.record.marks) == (1 << 20) // line


@pytest.mark.parametrize("name", NAMES)
def test_a_guest_that_is_followed_tells_what_its_log_tells_afterwards(
    bench: Bench, name: str
) -> None:
    bench.prints(*lines_of(name))
    bench.guest.close()
    bench.machine.monitor.hang_up()
    bench.machine.ended = Exit(returncode=0)
    bench.watch.ended()
    bench.watch.close()
    record, afterwards = bench.watch.record, story.read(lines_of(name))
    marks = [(mark.name, mark.line, mark.splat) for mark in record.marks]
    assert marks == [(mark.name, mark.line, mark.splat) for mark in afterwards.marks]
    assert tuple(one.stage for one in record.stages) == afterwards.stages


def test_stages_do_not_lead_back(bench: Bench) -> None:
    bench.watch.enter(Stage.FREEZE)
    bench.prints("PM: S|", "Disabling non-boot CPUs ...", "reboot: Power down")
    bench.sees("power-down")
    assert bench.watch.stage is Stage.POWER_OFF


def test_a_resume_that_comes_back_is_a_boot_again(bench: Bench) -> None:
    bench.prints("PM: hibernation: resume from hibernation", "hibtest: resume came back")
    bench.sees("resume-back")
    assert bench.watch.stage is Stage.BOOT


def test_each_stage_has_its_time_and_its_events(bench: Bench) -> None:
    bench.watch.enter(Stage.FREEZE)
    bench.watch.close()
    assert [time_.stage for time_ in bench.watch.record.stages] == [Stage.BOOT, Stage.FREEZE]
    kinds = [type(event).__name__ for event in bench.sent]
    assert kinds == ["StageStarted", "StageEnded", "StageStarted", "StageEnded"]


@pytest.mark.parametrize("bench", [0.001], indirect=True)
def test_a_deadline_that_passes_names_stage_limit_and_last_lines(bench: Bench) -> None:
    bench.prints(*(f"line {number}" for number in range(30)))
    with pytest.raises(Stalled) as caught:
        bench.watch.until(lambda: None, "a guest that is ready")
    hang = caught.value.hang
    assert (hang.stage, hang.what) == (Stage.BOOT, "a guest that is ready")
    assert hang.lines[-1] == "line 29"
    assert len(hang.lines) == 20


def test_a_silent_guest_is_remarked_once_for_each_silence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "SECONDS", 0.05)

    def notes() -> list[str]:
        return [event.text for event in bench.sent if isinstance(event, Note)]

    bench.watch.until(lambda: notes() or None, "a remark")
    bench.prints("a line")
    bench.watch.until(lambda: notes()[1:] or None, "another one")
    first, second = notes()
    assert first.startswith("nothing on the console for 0 s; in BOOT, which may take ")
    assert (first[-8:], second[-11:]) == ("a remark", "another one")


def test_a_splat_is_marked_as_one(bench: Bench) -> None:
    bench.prints("[   1.0] WARNING: CPU: 0 PID: 1 at kernel/power/hibernate.c:1 x+0x1/0x2")
    bench.sees("warning")
    assert bench.watch.record.marks[0].splat is True


def test_events_of_qemu_are_kept_with_their_time(bench: Bench) -> None:
    data = {"guest": True, "reason": "guest-shutdown"}
    bench.machine.monitor.queue.append(QmpEvent(name="SHUTDOWN", at=time.monotonic(), data=data))
    bench.watch.pump()
    assert [(event.name, event.data) for event in bench.watch.record.qmp] == [("SHUTDOWN", data)]


def test_a_full_host_disk_is_the_hosts_fault(bench: Bench) -> None:
    data = {"nospace": True, "action": "stop", "node-name": "root", "operation": "write"}
    data["device"] = ""
    event = QmpEvent(name="BLOCK_IO_ERROR", at=time.monotonic(), data=data)
    bench.machine.monitor.queue.append(event)
    with pytest.raises(HostError):
        bench.watch.pump()


def test_the_end_waits_for_the_event_that_is_still_on_its_way(bench: Bench) -> None:
    bench.machine.monitor.late = [QmpEvent(name="SHUTDOWN", at=time.monotonic(), data={})]
    bench.guest.close()
    bench.machine.ended = Exit(returncode=0)
    assert bench.watch.ended() == Exit(returncode=0)
    assert [event.name for event in bench.watch.record.qmp] == ["SHUTDOWN"]


def test_the_end_takes_in_all_that_was_printed_before_it(bench: Bench) -> None:
    bench.prints("last words")
    bench.guest.close()
    bench.machine.monitor.hang_up()
    bench.machine.ended = Exit(returncode=0)
    assert bench.watch.ends(10) is True
    bench.watch.until(lambda: _said(bench, "last words"), "the last words")


def _said(bench: Bench, text: str) -> bool | None:
    lines = [event.text for event in bench.sent if isinstance(event, ConsoleLine)]
    return text in lines or None
