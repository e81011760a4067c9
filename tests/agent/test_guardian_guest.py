"""The guardian in a guest: with everything stopped and frozen, it survives each signal."""

import json
from pathlib import Path

import pytest

from harness.cycle import agent
from harness.deadline import Deadline
from harness.inside.shell import Shell
from harness.spec import IMAGE_DEVICE

pytestmark = pytest.mark.guest

SWEEP = (Path(__file__).parent / "sweep.py").read_text()


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
