"""Which stopped processes must go on for a sync, and what happens when they do not?

Everybody is stopped by SIGSTOP; nobody, or those that the agent computes, go on; then a sync,
memory that is swapped out, and SNAPSHOT_FREEZE, each with a deadline (hibtest/probe/stopping.py).
The answers are those that were measured on Debian's 6.1.192, 6.12.117 and 7.3.4;
docs/needed.md tells the same to people.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hibtest import images
from hibtest.bench.prepare import Bench
from hibtest.cycle import agent, workload
from hibtest.cycle.boot import Running
from hibtest.cycle.guest import kept
from hibtest.cycle.lab import Lab
from hibtest.cycle.probe import Probe
from hibtest.reach.shell import Shell
from hibtest.spec import (
    AgentMethod,
    Attach,
    FuseDirty,
    GuestSpec,
    LoopOnFuse,
    Nbd,
    Scenario,
    Stage,
    Stopper,
    SwapOnLoopOnFuse,
    Target,
    Workload,
)
from hibtest.verdict import Verdict
from hibtest.verdict.witnesses import differences

pytestmark = pytest.mark.guest

KERNELS = ("bookworm", "trixie", "backports")
# (s) by a guest that has its CPUs to itself; what does not hang takes a tenth of a second
SECONDS = 4
NEEDED = "from hibtest.agent.needed.command import run; raise SystemExit(run(['--json']))"
MOUNTED, KEPT = "/run/hibtest/workload", "/var/lib/hibtest/workload"

Steps = dict[str, str]
ALL_DONE = {"sync": "done", "freeze": "done"}
BOTH_HANG = {"sync": "hangs", "freeze": "hangs"}
# What is dirty is on its way when the sync returns, and nobody takes it: sync(2) does not wait
# for FUSE any more (SB_I_NO_DATA_INTEGRITY, fs/fs-writeback.c sync_inodes_sb(), 7.3).
UNWRITTEN = {"sync": "done, nothing written", "freeze": "done, nothing written"}
# SNAPSHOT_FREEZE syncs before it freezes (snapshot_ioctl(), kernel/power/user.c, 6.1 to 7.3), and
# ext4 has its device flushed each time, though nothing is dirty (ext4_sync_fs(), fs/ext4/super.c).
FREEZE_HANGS = {"sync": "done", "freeze": "hangs"}
# The freezer gives up on who waits for a page to be swapped in.
SWAP_HANGS = {"sync": "done", "page-in": "hangs", "freeze": "EBUSY"}
SWAP_DONE = {"sync": "done", "page-in": "done", "freeze": "done"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What comes of it when nobody goes on, when those needed do until the sync is done, and when
    they are left to the freezer.
    """

    load: Workload
    kernels: tuple[str, ...]
    nobody: Steps
    stopped_again: Steps
    left_running: Steps
    soil: str = ""
    store: str = ""


FUSE_DIRTY = Case(
    load=FuseDirty(),
    kernels=("bookworm", "trixie"),
    nobody=BOTH_HANG,
    stopped_again=ALL_DONE,
    left_running=ALL_DONE,
    soil=f"{MOUNTED}/fuse-dirty/file",
    store=f"{KEPT}/fuse-dirty/file",
)
LOOP_ON_FUSE = Case(
    load=LoopOnFuse(),
    kernels=KERNELS,
    nobody=BOTH_HANG,
    stopped_again=FREEZE_HANGS,
    left_running=ALL_DONE,
    soil=f"{MOUNTED}/loop-on-fuse/file",
)
CASES = (
    FUSE_DIRTY,
    replace(FUSE_DIRTY, kernels=("backports",), nobody=UNWRITTEN),
    LOOP_ON_FUSE,
    Case(
        load=SwapOnLoopOnFuse(),
        kernels=KERNELS,
        nobody=SWAP_HANGS,
        stopped_again=SWAP_DONE,
        left_running=SWAP_DONE,
    ),
    replace(LOOP_ON_FUSE, load=Nbd(), soil=f"{MOUNTED}/nbd/file"),
)


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest with a workload."""

    run: Running
    shell: Shell
    probe: Probe
    load: Workload
    planted: dict[str, Any]

    def ask(self, command: str) -> dict[str, Any]:
        """Have the probe carry out a command."""
        deadline = self.run.deadline(Stage.WITNESS, command)
        answer: dict[str, Any] = self.probe.ask(command, deadline)
        return answer

    def needed(self) -> list[int]:
        """Return the processes that the agent computes."""
        deadline = self.run.deadline(Stage.WITNESS, "the computing of the needed set")
        command = f'PYTHONPATH={agent.PATH} python3 -SB -c "{NEEDED}"'
        graph = self.shell.run_json(command, deadline)
        return [need["pid"] for need in graph["needed"]]

    def stopped(self, case: Case, continued: list[int], *, again: bool) -> Steps:
        """Stop everybody but some, and try; return what came of each step."""
        wish = {
            "soil": case.soil,
            "store": case.store,
            "continued": continued,
            "again": again,
            "page_in": isinstance(case.load, SwapOnLoopOnFuse),
            "seconds": SECONDS / self.run.lab.budget.patience,
            "freeze_seconds": 2,
        }
        answer = self.ask(f"stopped '{json.dumps(wish)}'")
        assert answer["refusing"] == []
        steps: dict[str, dict[str, Any]] = answer["steps"]
        # What hung went on when everybody was continued; a freezer may then be past its time.
        for name, step in steps.items():
            if not step["ended"]:
                assert step["later"] in ("", *(["EBUSY"] if name == "freeze" else []))
        return {name: came(step) for name, step in steps.items()}

    def wrong(self) -> tuple[str, ...]:
        """Return what is not as it was planted."""
        found = self.ask(f"workload-check {self.load.name}")
        return differences(f"workload {self.load.name}", self.planted, found)


def came(step: dict[str, Any]) -> str:
    """Return what came of a step, in a word or two."""
    if not step["ended"]:
        return "hangs"
    if step["errno"]:
        return str(step["errno"])
    return "done" if step.get("arrived", True) else "done, nothing written"


@contextmanager
def guest(bench: Bench, kernel: str, load: Workload) -> Iterator[Guest]:
    """Boot a guest and set a workload up in it."""
    images.build([kernel])
    scenario = Scenario(name=f"needed-KERNEL-{load.name}", guest=GuestSpec(kernel=kernel, vcpus=1))
    job = bench.job(scenario)
    with kept(Lab.of(job)) as up:
        deadline = up.run.deadline(Stage.PREPARE, f"the workload {load.name}")
        agent.ship(up.shell, deadline)
        probe = Probe(up.shell, up.run.lab.budget.patience)
        [facts] = workload.plant(probe, [load], deadline).values()
        yield Guest(up.run, up.shell, probe, load, facts)


def _marks(kernel: str, case: Case) -> list[pytest.MarkDecorator]:
    """What kernels do alike is asked of one of them, unless all are asked for."""
    alike = case.load.name != FuseDirty().name
    return [pytest.mark.wide] if alike and kernel != "trixie" else []


@pytest.mark.parametrize(
    ("kernel", "case"),
    [
        pytest.param(kernel, case, id=f"{kernel}-{case.load.name}", marks=_marks(kernel, case))
        for case in CASES
        for kernel in case.kernels
    ],
)
def test_empty_set_breaks_and_computed_set_cures(hib_bench: Bench, kernel: str, case: Case) -> None:
    with guest(hib_bench, kernel, case.load) as here:
        computed = here.needed()
        assert here.planted["server"]["pid"] in computed
        found = {
            "nobody": here.stopped(case, [], again=True),
            "stopped again": here.stopped(case, computed, again=True),
            "left running": here.stopped(case, computed, again=False),
        }
        assert found == {
            "nobody": case.nobody,
            "stopped again": case.stopped_again,
            "left running": case.left_running,
        }


@pytest.mark.parametrize("stop", [True, False], ids=["sigstop", "freezer"])
@pytest.mark.parametrize(
    "kernel",
    [pytest.param(one, marks=[pytest.mark.wide] if one != "backports" else []) for one in KERNELS],
)
def test_nbd_client_in_its_ioctl_loses_its_device(
    hib_bench: Bench, kernel: str, stop: bool
) -> None:
    """No set cures this: whatever stops the client, its ioctl is interrupted.

    The kernel then gives the device up (nbd_start_device_ioctl(), drivers/block/nbd.c, 6.1 to
    7.3): writes fail, and with them the filesystem.
    """
    with guest(hib_bench, kernel, Nbd(attach=Attach.IOCTL)) as here:
        wish = {"stop": stop, "continued": here.needed(), "seconds": SECONDS, "freeze_seconds": 5}
        steps = here.ask(f"stopped '{json.dumps(wish)}'")["steps"]
        assert {name: came(step) for name, step in steps.items()} == ALL_DONE
        deadline = here.run.deadline(Stage.WITNESS, "the kernel log")
        log = here.shell.run("dmesg", deadline).stdout
        assert "block nbd0: shutting down sockets" in log


def _cycle(kernel: str, load: Workload, *tags: str) -> Scenario:
    return Scenario(
        name=f"needed-KERNEL-{load.name}",
        guest=GuestSpec(kernel=kernel),
        method=AgentMethod(target=Target.RAW, stopper=Stopper.SIGSTOP, needed="computed"),
        workloads=(load,),
        tags=("agent", "needed", *tags),
    )


SCENARIOS = (
    _cycle("bookworm", LoopOnFuse(), "wide"),
    _cycle("trixie", FuseDirty(), "wide"),
    _cycle("backports", Nbd()),
)


def test_needed(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
