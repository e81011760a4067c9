"""Witnesses of time: clocks that are turned, timers that stop, lists of timers that are cut."""

import os
import signal
import struct
import time
from typing import Any

import pytest

from hibtest.probe import procfs, shared, syscalls
from hibtest.probe.base import Lacking
from hibtest.probe.witnesses import clocks
from hibtest.verdict.witnesses import differences
from tests.probe.tree import Tree
from tests.probe.witnesses.looking import Looked, kept

SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
DELAYED = (
    "<4>[ 1.0] clocksource: timekeeping watchdog on CPU1: tsc read-back delay of 604820ns, "
    "attempt 4, marking unstable\n"
)


@pytest.mark.parametrize("clock", ["MONOTONIC", "BOOTTIME", "REALTIME"])
def test_a_clock_that_went_back_is_found(clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    witness = Looked("clocks", clocks.clocks)
    real = time.clock_gettime
    number = getattr(time, f"CLOCK_{clock}")
    monkeypatch.setattr(time, "clock_gettime", lambda n: real(n) - 100 * (n == number))
    assert any(text.startswith(f"{clock.lower()} went back from") for text in witness.wrong())


@pytest.mark.parametrize(("log", "told"), [("", True), (DELAYED, False)])
def test_another_clock_source_is_found(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch, log: str, told: bool
) -> None:
    monkeypatch.setattr(syscalls, "kernel_log", lambda: log)
    asked = kept(monkeypatch, syscalls, "kernel_log")
    witness = Looked("clocks", clocks.clocks)
    source = witness.planted["source"]
    assert source in ("tsc", "hpet")
    assert asked == []  # the log is long
    recorded.put(SOURCE, "acpi_pm\n")
    assert witness.found()["delayed"] is not told
    assert (witness.wrong() == (f"source was {source!r}, is 'acpi_pm'",)) is told


def test_a_timerfd_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = kept(monkeypatch, clocks, "make_timerfd")
    witness = Looked("timerfd", clocks.timerfd)
    assert witness.planted == {"interval": clocks.INTERVAL}
    assert witness.found()["expirations"] >= 1
    settime = syscalls.LIBC.timerfd_settime
    settime(made[0], 0, clocks.timerspec(1000.5), None)
    found = witness.found()
    assert (found["interval"], found["expirations"], found["ticks"]) == (1000.5, 0, False)
    assert len(differences("timerfd", witness.planted, found)) > 0
    os.close(made[0])


@pytest.mark.parametrize(("seconds", "words"), [(0.02, [0, 20_000_000]), (3600.0, [3600, 0]),
                                                (1.5, [1, 500_000_000])])  # fmt: skip
def test_an_interval_as_the_kernel_takes_it(seconds: float, words: list[int]) -> None:
    spec = clocks.timerspec(seconds)
    assert list(struct.unpack("4q", spec)) == words * 2


def test_timers_that_send_signals_tick(ending: None) -> None:
    witness = Looked("signal-timers", clocks.signals)
    assert witness.found()["ticks"] == [True, True]
    first = witness.found()
    os.kill(witness.planted["pid"], signal.SIGSTOP)
    assert witness.found()["ticks"] == [False, False]
    assert len(witness.wrong()) > 0
    os.kill(witness.planted["pid"], signal.SIGCONT)
    later = witness.found()
    assert later["ticks"] == [True, True]
    assert later["itimer"] > first["itimer"]
    assert later["posix"] > first["posix"]


def test_each_kind_of_timer_has_its_own_count(
    ending: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = kept(monkeypatch, shared, "Words")
    witness = Looked("signal-timers", clocks.signals)
    pid = witness.planted["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert procfs.wait_for(lambda: procfs.state(pid) == "T", 5)
    for number, ticks in ((0, [True, False]), (1, [False, True])):
        monkeypatch.setattr(procfs, "wait_for", lambda *_, n=number: made[0].add(n))
        assert witness.found()["ticks"] == ticks


def timer(name: str, expires: int) -> str:
    return (f" #0: <00000000480869d9>, {name}, S:01\n # expires at {expires}-{expires + 50} nsecs"
            f" [in 5 to 6 nsecs]\n")  # fmt: skip


def test_timers_are_listed_with_when_they_expire(recorded: Tree) -> None:
    path = "/proc/timer_list"
    before = clocks.listed()
    assert all(name in clocks.PENDING for name, _ in before)
    text = recorded.at(path).read_text()
    assert "tick_nohz" in text or "tick_sched_timer" in text
    more = timer("posix_timer_fn", 77) + timer("it_real_fn", 78) + timer("hrtimer_wakeup", 79)
    recorded.put(path, text + more)
    expected = [*before, ["it_real_fn", "78"], ["posix_timer_fn", "77"]]
    assert clocks.listed() == sorted(expected)


class Pending:
    """Timers of an hour, as the kernel would list them for a process that is not there."""

    def __init__(self, tree: Tree, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self.tree = tree
        late = int((time.monotonic() + clocks.HOUR) * 1e9)
        self.ours = [timer(name, late + number) for number, name in enumerate(names)]
        soon = int((time.monotonic() + 60) * 1e9)
        self.others = timer("it_real_fn", soon) + timer("hrtimer_wakeup", late)
        tree.put("/proc/timer_list", self.others)
        monkeypatch.setattr(clocks, "child", self.started)

    def started(self, _work: Any) -> int:
        self.show(self.ours)
        return 77

    def show(self, timers: list[str]) -> None:
        """Have the kernel list these."""
        appeared = timer("it_real_fn", int((time.monotonic() + 9) * 1e9))
        self.tree.put("/proc/timer_list", self.others + appeared + "".join(timers))


def test_a_pending_timer_that_is_lost_is_found(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = Pending(tree, monkeypatch, *clocks.PENDING)
    witness = Looked("pending-timers", clocks.pending)
    assert [name for name, _ in witness.planted["timers"]] == sorted(clocks.PENDING)
    pending.show(pending.ours[1:])
    assert witness.found()["timers"] == [t for t in witness.planted["timers"]
                                         if t[0] != clocks.PENDING[0]]  # fmt: skip
    assert len(witness.wrong()) > 0
    pending.show([pending.ours[0].replace("S:01", "S:00"), *pending.ours[1:]])
    assert witness.wrong() == ()


def test_a_timer_that_moved_meanwhile_counts_as_seen(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = Pending(tree, monkeypatch, *clocks.PENDING)
    witness = Looked("pending-timers", clocks.pending)
    monkeypatch.setattr(procfs, "PATIENCE", 1.0)
    real, looks = clocks.listed, iter([pending.ours[:2], pending.ours[2:]])

    def listed() -> list[list[str]]:
        pending.show(next(looks))
        return real()

    monkeypatch.setattr(clocks, "listed", listed)
    assert witness.found()["timers"] == witness.planted["timers"]


def test_a_kernel_without_a_list_of_timers_lacks_it(tree: Tree) -> None:
    with pytest.raises(Lacking, match="no /proc/timer_list"):
        clocks.pending()
