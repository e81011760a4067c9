"""A boot in between, and a program of one's own, in a real guest."""

from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.runner import run
from hibtest.scenarios.test_changed import RESCUE
from hibtest.spec import Do, Expected, GuestSpec, Outcome, Run, Scenario
from hibtest.verdict import judge

pytestmark = pytest.mark.guest

COUNTER = """#!/bin/sh
n=0
while :; do
    n=$((n + 1))
    echo $n >n.new && mv n.new n
    sleep 0.1
done
"""
START = "setsid ./counter </dev/null >/dev/null 2>&1 & until [ -s n ]; do sleep 0.1; done"
CHECK = (
    "was=$(cat n); for i in $(seq 100); do "
    '[ "$(cat n)" = "$was" ] || exit 0; sleep 0.1; done; echo "stands at $was"; exit 1'
)
LOOKS = Do(command="grep -ow noresume /proc/cmdline")
# A boot that mounts a hibernated root may damage it, or may not; one that writes a lot does.
DAMAGED = Expected(outcome=Outcome.CORRUPT, cause="filesystem")


def test_a_rescue_boot_leaves_the_image_and_a_program_goes_on_counting(tmp_path: Path) -> None:
    images.build(["trixie"])
    program = tmp_path / "counter"
    program.write_text(COUNTER)
    own = Run(label="counter", start=START, check=CHECK, files=(str(program),))
    scenario = Scenario(
        name="rescued",
        guest=GuestSpec(kernel="trixie", vcpus=1),
        workloads=(own,),
        between=(LOOKS, RESCUE),
        expected=DAMAGED,
    )
    job = bench(tmp_path / "runs", "auto").job(scenario)
    evidence = run(job, lambda _: None)
    verdict = judge(scenario, evidence)
    assert verdict.as_expected, str(verdict)
    assert [boot.directory for boot in evidence.boots] == ["save", "rescue", "resume", "cold"]
    _, rescue, resume, _ = evidence.boots
    assert rescue.armed
    assert rescue.boot_id == ""  # another life, which nobody asks for its name
    assert rescue.steps[0].detail == f"`{LOOKS.command}`: noresume"
    (found,) = [one for one in resume.witnesses if one.name == "workload run-counter"]
    assert found.found == {"status": 0, "output": ""}
