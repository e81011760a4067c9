"""A scenario in a few words: all that is asked of it."""

from dataclasses import replace

from hibtest.cli.describe import describe
from hibtest.spec import (
    AgentMethod,
    AtStage,
    Crypt,
    Do,
    Fault,
    GuestSpec,
    HangUp,
    Linear,
    Mounts,
    Nbd,
    Plug,
    PutBack,
    ResumeSpec,
    Scenario,
    Stage,
    SwapDisk,
    SwapFile,
    Unplug,
    Volume,
)
from tests.cycle.jobs import ONE


def test_a_plain_one_has_three_words() -> None:
    assert dict(describe(ONE)) == {
        "guest": "2 vCPUs, 512 MiB",
        "swap": "a disk of 1024 MiB",
        "method": "kernel platform",
    }


def test_no_swap_is_none() -> None:
    assert dict(describe(replace(ONE, layout=())))["swap"] == "none"


def test_how_often_a_life_is_hibernated_is_said() -> None:
    twice = dict(describe(replace(ONE, lives=2)))
    assert twice["method"] == "kernel platform, 2 times in a life"


def test_all_that_is_asked_is_said() -> None:
    scenario = Scenario(
        name="all",
        guest=GuestSpec(
            kernel="trixie", vcpus=2, max_vcpus=4, cpu="qemu64", append=("a", "b"), root=(Linear(),)
        ),
        layout=(SwapDisk(on=(Crypt(), Volume()), priority=3), SwapFile(size_mib=64)),
        method=AgentMethod(),
        resume=ResumeSpec(
            device="/dev/x", noresume=True, vcpus=3, memory_mib=9, cpu="max", again=PutBack.IMAGE
        ),
        faults=(Fault(when=AtStage(stage=Stage.WRITE), what=HangUp()),),
        workloads=(Nbd(),),
        before=(Plug(vcpus=2), Do(command="true")),
        between=(Do(command="date"),),
        mounts=Mounts.READ_ONLY,
        after=(Unplug(),),
    )
    assert dict(describe(scenario)) == {
        "guest": "2 vCPUs of 4 (qemu64), 512 MiB, root on linear, told a b",
        "swap": "a disk of 1024 MiB on volume on crypt, priority 3; a file of 64 MiB",
        "method": "agent freezer none swap none",
        "workloads": "nbd-netlink",
        "before": "plug 2 vCPUs in; do: true",
        "between": "do: date",
        "mounts": "read-only in between",
        "after": "unplug 1 vCPU",
        "resume": "3 vCPUs, 9 MiB, vCPUs are max, told resume=/dev/x, told noresume, "
        "and again from a copy of the image",
        "faults": "have the image server hang up at WRITE of the save boot",
    }
