"""A freezer that forgets a task, in a real guest."""

from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.cycle.proof.kernel import KernelMemory
from hibtest.cycle.rollcall.tasks import TaskList
from hibtest.cycle.steps import Situation
from hibtest.spec import GuestSpec, Outcome, Scenario
from tests.cycle import planted
from tests.cycle.counted import run_counted

pytestmark = pytest.mark.guest

SCENARIO = Scenario(name="forgotten", guest=GuestSpec(kernel="trixie"), lives=1)
PF_NOFREEZE = 0x8000  # freezing_slow_path(), kernel/freezer.c, v6.12: such a task never freezes


def test_a_task_that_the_freezer_forgets_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = []

    def forget(at: Situation, kernel: KernelMemory, _where: int) -> None:
        pid = int(at.past.planted["counter"]["pid"])
        tasks = TaskList(kernel, at.past.places)
        (task,) = [found.at for found in tasks.tasks() if found.task.pid == pid]
        where = task + tasks.btf.offset("task_struct", "flags")
        flags = int.from_bytes(planted.read(kernel, where, 4), "little")
        planted.write(kernel, where, (flags | PF_NOFREEZE).to_bytes(4, "little"))
        pids.append(pid)

    images.build(["trixie"])
    planted.before_hibernating(monkeypatch, forget)
    evidence, verdict = run_counted(bench(tmp_path, "auto"), SCENARIO)
    roll = evidence.boots[0].saved and evidence.boots[0].saved.roll
    assert roll
    assert [task.pid for task in roll.awake] == pids
    assert pids[0] in [writer.task.pid for writer in roll.writers]
    assert roll.held == roll.tasks - 2  # it, and the one that hibernates
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "not-frozen"), str(verdict)
    assert f"({pids[0]}, state" in verdict.reason
