"""The witness of each CPU: planted for real, and found to be wrong."""

import os
import signal

import pytest

from hibtest.probe import procfs, shared
from hibtest.probe.witnesses import each_cpu
from tests.probe.witnesses.looking import Looked, kept

pytestmark = pytest.mark.usefixtures("ending")

TABLE = """           CPU0       CPU2
  4:        120          0   IO-APIC   4-edge      ttyS0
NMI:          0          0   Non-maskable interrupts
LOC:         70         91   Local timer interrupts
ERR:          0
"""


@pytest.fixture(autouse=True)
def cpus(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """CPUs of this host that may be used."""
    found = os.sched_getaffinity(0)
    monkeypatch.setattr(procfs, "cpus", lambda *_: found)
    return found


def test_a_thread_runs_on_each_cpu_and_wakes_up(cpus: set[int]) -> None:
    witness = Looked("each-cpu", each_cpu.each_cpu)
    found = witness.found()
    assert set(found["cpus"]) == {str(cpu) for cpu in cpus}
    for cpu, facts in found["cpus"].items():
        assert facts["at"] == int(cpu)
        assert facts["later"][0] > facts["ticks"] >= witness.planted["cpus"][cpu]["ticks"] > 0


def test_threads_that_stand_still_are_found() -> None:
    witness = Looked("each-cpu", each_cpu.each_cpu)
    os.kill(witness.planted["pid"], signal.SIGSTOP)
    witness.found()
    assert any("its timer does not fire any more" in text for text in witness.wrong())


def test_interrupts_that_stand_still_are_found(
    cpus: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = dict.fromkeys(cpus, 100)

    def more(_table: str) -> dict[int, int]:
        for cpu in counts:
            counts[cpu] += 1
        return dict(counts)

    monkeypatch.setattr(each_cpu, "interrupts", more)
    witness = Looked("each-cpu", each_cpu.each_cpu)
    still = dict(counts)
    monkeypatch.setattr(each_cpu, "interrupts", lambda _table: still)
    told = witness.wrong()
    assert [text for text in told if "stand still" in text] == [
        f"CPU {cpu}: its timer interrupts stand still at {still[cpu]}" for cpu in sorted(cpus)
    ]


def test_a_thread_that_moved_is_found(cpus: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    last = max(cpus)
    words = kept(monkeypatch, shared, "Words")
    witness = Looked("each-cpu", each_cpu.each_cpu)
    os.kill(witness.planted["pid"], signal.SIGSTOP)
    words[1][len(cpus) - 1] = last + 7
    assert f"CPU {last}: its thread runs on CPU {last + 7}" in witness.wrong()


@pytest.mark.parametrize(
    ("table", "counts"), [(TABLE, {0: 70, 2: 91}), ("", {}), ("  CPU0\nNMI: 1 x", {})]
)
def test_interrupts_of_the_cpus_that_are_online(table: str, counts: dict[int, int]) -> None:
    assert each_cpu.interrupts(table) == counts
