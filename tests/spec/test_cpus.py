"""CPUs that a scenario asks for: what cannot be is refused before anything starts."""

from dataclasses import replace
from typing import Any

import pytest

from hibtest.errors import SpecError
from hibtest.evidence import read_json, to_json
from hibtest.spec import (
    GuestSpec,
    Offline,
    Online,
    Plug,
    ResumeSpec,
    Scenario,
    Topology,
    Unplug,
)

GUEST = GuestSpec(kernel="trixie", vcpus=4)
SHAPED = replace(GUEST, topology=Topology(cores=2, threads=2))


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            {"guest": replace(GUEST, topology=Topology(sockets=2, cores=3))},
            r"a topology of 2 x 3 x 1 .* has 6 vCPUs, and vcpus is 4",
        ),
        (
            {"guest": replace(SHAPED, max_vcpus=6)},
            r"a topology of 1 x 2 x 2 .* has 4 vCPUs, and max_vcpus is 6",
        ),
        (
            {"guest": replace(GUEST, topology=Topology(sockets=-2, cores=-2))},
            "a topology of -2 x -2 x 1",
        ),
        (
            {"guest": SHAPED, "resume": ResumeSpec(vcpus=5)},
            "a resume machine of 5 vCPUs does not fit in a topology of 1 x 2 x 2",
        ),
        ({"before": (Offline(cpus=(4,)),)}, "there is no CPU 4 to take CPU 4 offline"),
        ({"after": (Online(cpus=(1, 9)),)}, "there is no CPU 9 to take CPUs 1, 9 online"),
        (
            {"before": (Offline(cpus=(1, 2)),), "after": (Offline(cpus=(0, 3)),)},
            "no CPU is online after take CPUs 0, 3 offline: there are 4",
        ),
        ({"between": (Offline(cpus=(0, 1, 2, 3)),)}, "no CPU is online"),
        ({"resume": ResumeSpec(vcpus=0)}, "a resume machine of 0 vCPUs"),
        ({"last": (Offline(cpus=(1,)),)}, "take CPU 1 offline: witnesses would find other CPUs"),
        ({"after": (Unplug(),), "lives": 2}, "unplug 1 vCPU: witnesses would find other CPUs"),
        (
            {"guest": replace(GUEST, max_vcpus=5), "last": (Plug(),)},
            "plug 1 vCPU in: witnesses would find other CPUs",
        ),
        ({"before": (Unplug(vcpus=4),)}, "0 vCPUs after unplug 4 vCPUs"),
    ],
)
def test_cpus_that_cannot_be_are_refused(one: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Scenario(**{"name": "a", "guest": GUEST, **one})


@pytest.mark.parametrize("kind", [Offline, Online])
@pytest.mark.parametrize("cpus", [(), (-1,), (1, 1)])
def test_what_names_no_cpus_is_refused(kind: type[Offline | Online], cpus: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match="are no CPUs"):
        kind(cpus=cpus)


@pytest.mark.parametrize(
    "one",
    [
        {"guest": SHAPED, "resume": ResumeSpec(vcpus=1)},
        {"guest": replace(GUEST, vcpus=2, max_vcpus=4, topology=Topology(sockets=4))},
        {"before": (Offline(cpus=(0,), refused=True),)},
        {"before": (Offline(cpus=(0, 1, 2)), Online(cpus=(0,)), Offline(cpus=(3,)))},
        {"resume": ResumeSpec(vcpus=6), "after": (Online(cpus=(5,)),)},
        {"guest": replace(GUEST, max_vcpus=6), "before": (Plug(), Offline(cpus=(4,)))},
    ],
)
def test_cpus_that_can_be_are_taken(one: dict[str, Any]) -> None:
    scenario = Scenario(**{"name": "a", "guest": GUEST, **one})
    assert scenario.guest.room in {4, 6}


def test_the_room_of_a_machine() -> None:
    assert GUEST.room == 4
    assert replace(GUEST, max_vcpus=6).room == 6
    assert replace(SHAPED, vcpus=1).room == 4


def test_words_of_the_steps() -> None:
    assert Offline(cpus=(0,), refused=True).words == "take CPU 0 offline, which is to be refused"
    assert Offline(cpus=(1, 2)).words == "take CPUs 1, 2 offline"
    assert Online().words == "take CPU 1 online"


def test_json_brings_back_steps_and_topology(tmp_path: Any) -> None:
    steps = (Offline(cpus=(1, 2)), Online(cpus=(2,)), Offline(cpus=(0,), refused=True))
    scenario = Scenario(name="a", guest=SHAPED, before=steps)
    path = tmp_path / "scenario.json"
    path.write_bytes(to_json(scenario))
    assert read_json(path, Scenario) == scenario
