"""A freezer that forgets a task, in a real guest: planted in the kernel's memory from outside."""

import os
from pathlib import Path

import numpy as np
import pytest

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.cycle.proof.kernel import KernelMemory
from hibtest.cycle.proof.snapshot import Taker
from hibtest.cycle.rollcall.tasks import TaskList
from hibtest.cycle.steps import Situation, save
from hibtest.machine.memory import PAGE_SIZE
from hibtest.spec import GuestSpec, Outcome, Scenario
from hibtest.verdict import judge
from tests.cycle.counted import run_counted

pytestmark = pytest.mark.guest

SCENARIO = Scenario(name="forgotten", guest=GuestSpec(kernel="trixie"), lives=1)
PF_NOFREEZE = 0x8000  # freezing_slow_path(), kernel/freezer.c, v6.12: such a task never freezes


def _forget(at: Situation, taker: Taker, pid: int) -> None:
    """Have the kernel take a process for one that is exempt from freezing."""
    stops, memory = at.run.stops, at.run.machine.memory
    assert stops is not None
    assert memory is not None
    with stops._stopped():
        kernel = KernelMemory(memory, taker._space())
        tasks = TaskList(kernel, at.past.places)
        (task,) = [found.at for found in tasks.tasks() if found.task.pid == pid]
        physical = kernel.space.physical(task + tasks.btf.offset("task_struct", "flags"))
        row = int(memory.rows(np.array([physical // PAGE_SIZE]))[0])
        where = row * PAGE_SIZE + physical % PAGE_SIZE
        with _ram().open("r+b", buffering=0) as ram:
            ram.seek(where)
            flags = int.from_bytes(ram.read(4), "little")
            ram.seek(where)
            ram.write((flags | PF_NOFREEZE).to_bytes(4, "little"))


def _ram() -> Path:
    """Return a way to the guest's memory (hibtest/machine/debug.py), of which there is one."""
    links = [fd for fd in Path("/proc/self/fd").iterdir() if os.path.lexists(fd)]
    return next(fd for fd in links if "memfd:hibtest-ram" in str(fd.readlink()))


def test_a_task_that_the_freezer_forgets_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = []
    taken = save._taker

    def taker(at: Situation) -> Taker | None:
        found = taken(at)
        assert found is not None
        pids.append(int(at.past.planted["counter"]["pid"]))
        _forget(at, found, pids[-1])
        return found

    images.build(["trixie"])
    monkeypatch.setattr(save, "_taker", taker)
    evidence, verdict = run_counted(bench(tmp_path, "auto"), SCENARIO)
    roll = evidence.boots[0].saved and evidence.boots[0].saved.roll
    assert roll
    assert [task.pid for task in roll.awake] == pids
    assert pids[0] in [writer.task.pid for writer in roll.writers]
    assert roll.held == roll.tasks - 2  # it, and the one that hibernates
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "not-frozen"), str(verdict)
    assert f"({pids[0]}, state" in verdict.reason
    assert judge(SCENARIO, evidence).cause == "not-frozen"
