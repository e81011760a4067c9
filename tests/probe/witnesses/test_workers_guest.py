"""Workers in a real guest, one of whose pages becomes an older copy of itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.cycle import witness
from hibtest.cycle.guest import Guest, kept
from hibtest.cycle.lab import Lab
from hibtest.cycle.probe import Probe
from hibtest.deadline import Deadline
from hibtest.spec import GuestSpec, Scenario
from hibtest.verdict.witnesses import differences

pytestmark = pytest.mark.guest

SCENARIO = Scenario(name="lagging", guest=GuestSpec(kernel="trixie", vcpus=2))
# Finds a page of a process by what it holds, and puts its contents back a pass later.
LAG = """
import os, signal, struct, sys, time
pid, page = int(sys.argv[1]), 33
memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
def found():
    for line in open(f"/proc/{pid}/maps"):
        place, rights, *_ = line.split()
        start, end = (int(word, 16) for word in place.split("-"))
        for at in range(start, end, 4096) if rights.startswith("rw") else ():
            seed, number, which, rest = struct.unpack("<QQQQ", os.pread(memory, 32, at))
            if seed and which == page and number ^ rest == (1 << 64) - 1:
                return at
at = found()
early = os.pread(memory, 4096, at)
while os.pread(memory, 4096, at) == early:
    time.sleep(0.05)
os.kill(pid, signal.SIGSTOP)
os.pwrite(memory, early, at)
os.kill(pid, signal.SIGCONT)
"""


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Guest]:
    images.build(["trixie"])
    with kept(Lab.of(bench(tmp_path, "auto").job(SCENARIO), lambda _: None)) as up:
        yield up


def test_a_page_that_lags_a_pass_behind_is_named(up: Guest) -> None:
    soon = Deadline.after(60 * up.run.lab.budget.patience, "two looks at the workers")
    probe = Probe(up.shell, up.run.lab.budget.patience)
    _, planted, _ = witness.plant(probe, soon)
    _, before = witness.check(probe, planted, soon)
    assert [text for one in before for text in differences(one.name, one.planted, one.found)] == []
    lagging = ("working-memory", "working-shared", "working-page-cache", "working-huge")
    pids = [planted[name]["workers"][0]["pid"] for name in lagging]
    up.shell.run("cat >/run/lag.py", soon, stdin=LAG.encode())
    for pid in pids:
        up.shell.run(f"python3 -ISB /run/lag.py {pid}", soon)
    _, after = witness.check(probe, planted, soon)
    wrong = {one.name: differences(one.name, one.planted, one.found) for one in after}
    for name in lagging:
        assert wrong.pop(name)[0].startswith(f"{name}: page 33 is of pass ")
    assert not any(wrong.values())
