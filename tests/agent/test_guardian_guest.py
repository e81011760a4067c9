"""The guardian in a guest: with everything stopped and frozen, it survives each signal."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import images
from harness.cli.prepare import bench
from harness.cycle import agent
from harness.cycle.boot import Lab
from harness.cycle.guest import kept
from harness.deadline import Deadline
from harness.inside.shell import Shell
from harness.pytest_workers import on
from harness.spec import IMAGE_DEVICE, AgentMethod, GuestSpec, Scenario, Target

pytestmark = pytest.mark.guest

SWEEP = (Path(__file__).parent / "sweep.py").read_text()


@pytest.fixture(scope="module", params=["trixie"], ids=on)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    guest = GuestSpec(kernel=request.param, vcpus=1)
    scenario = Scenario(name="agent-guardian", guest=guest, method=AgentMethod(target=Target.RAW))
    images.build([guest.kernel])
    job = bench(tmp_path_factory.mktemp("runs"), "auto", proof=False).job(scenario)
    with kept(Lab.of(job)) as up:
        agent.ship(up.shell, soon())
        yield up.shell


def soon() -> Deadline:
    return Deadline.after(900, "the agent's answers")


# before the freeze all is stopped; at the snapshot all is frozen, the filesystems too
@pytest.mark.parametrize("step", [pytest.param("freeze", marks=pytest.mark.wide), "snapshot"])
def test_each_signal_leaves_the_guest_as_it_was(shell: Shell, step: str) -> None:
    options = f"--target raw:{IMAGE_DEVICE} --stopper sigstop --protect fsfreeze"
    line = f"python3 -IB - {agent.PATH} {step} {options} <<'END' 2>&1\n{SWEEP}\nEND"
    said = shell.run(line, soon()).stdout
    found = [json.loads(one) for one in said.splitlines() if one.startswith("{")]
    assert len(found) > 25, said
    assert [one for one in found if one["wrong"]] == [], said
