"""The guardians in a guest: with everything stopped and frozen, they survive each signal.

Out of memory, others are killed, not they. And when both are killed at once, which nothing
survives, what they leave is recovered.
"""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest.cycle import agent
from hibtest.deadline import Deadline, poll
from hibtest.reach.shell import Shell
from hibtest.spec import IMAGE_DEVICE, SCRATCH_DEVICE
from tests.agent.guests import agent_guest

pytestmark = pytest.mark.guest

HERE = Path(__file__).parent
OPTIONS = f"--target raw:{IMAGE_DEVICE}"
FROZEN = "--stopper sigstop --protect fsfreeze"
SNAPSHOTS = f"--stopper sigstop --protect dm-snapshot --scratch {SCRATCH_DEVICE}"
KINDS = (signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL, signal.SIGSTOP)
FIFO, RESCUER, RESCUED = "/run/rescue.fifo", "/run/rescuer.py", "/run/rescued"
HELD = f"{FIFO}.held"
# pid 1 of our guests is busybox: it reads inittab again at SIGHUP
STAND_BY = f"""
mkfifo {FIFO}
echo '::respawn:/usr/bin/python3 -IB {RESCUER} {agent.PATH} {FIFO} {RESCUED}' >>/etc/inittab
kill -HUP 1
"""
# The connection is nobody's victim; what is started in it gives that up.
SPARED = "echo -1000 >/proc/$PPID/oom_score_adj"
LIKE_ALL = "echo 0 >/proc/$$/oom_score_adj"
# Holds more memory than anybody else, and says so. The agent has the most of all others.
HOG = f"""
{LIKE_ALL}
setsid python3 -c 'import signal; held = b"x" * (80 << 20); open("/run/hog", "w"); signal.pause()' \
    </dev/null >/dev/null 2>&1 &
while [ ! -e /run/hog ]; do sleep 0.1; done
rm /run/hog
echo $!
"""
KILLED = re.compile(r"Out of memory.*: Killed process (\d+) ")
OOM_KILLS = 2
# Tables, stopped processes, whether the root can be written to (it waits for ever if not), cgroups,
# the journal.
LOOK = """
dmsetup table
ps -A -o stat= -o pid= -o args= | grep '^T' || true
timeout 60 sh -c 'echo x >/root/written && sync /root/written' && echo written
cat /sys/fs/cgroup/*/cgroup.freeze /proc/self/cgroup
ls /run | grep hibtest-agent- || true
"""


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A guest whose root a snapshot can be put above."""
    directory = tmp_path_factory.mktemp("runs")
    with agent_guest("trixie", directory, mapped=True) as shell:
        shell.push((HERE / "rescuer.py").read_bytes(), RESCUER, 0o644, soon())
        shell.run(STAND_BY + SPARED, soon())
        yield shell


def soon() -> Deadline:
    return Deadline.after(900, "the agent's answers")


def sweep(shell: Shell, step: str, signals: str, options: str) -> list[dict[str, object]]:
    script = (HERE / "sweep.py").read_text()
    words = f"{agent.PATH} {step} {signals} {OPTIONS} {options}"
    out = shell.run(f"python3 -IB - {words} <<'END' 2>&1\n{script}\nEND", soon()).stdout
    found = [json.loads(one) for one in out.splitlines() if one.startswith("{")]
    assert [one for one in found if one["wrong"]] == [], out
    return found


def content(shell: Shell, path: str) -> str | None:
    return shell.run(f"cat {path}", soon(), check=False).stdout or None


# before the freeze all is stopped; at the snapshot all is frozen, the filesystems too
@pytest.mark.wide
@pytest.mark.parametrize("step", ["freeze", "snapshot"])
def test_each_signal_leaves_the_guest_as_it_was(shell: Shell, step: str) -> None:
    assert len(sweep(shell, step, "each", FROZEN)) > 25


def test_signals_of_each_kind_with_snapshots_above_the_root(mapped: Shell) -> None:
    tables = mapped.run("dmsetup table", soon()).stdout
    numbers = ",".join(str(int(one)) for one in KINDS)
    assert len(sweep(mapped, "snapshot", numbers, SNAPSHOTS)) == len(KINDS)
    assert mapped.run("dmsetup table", soon()).stdout == tables


@pytest.mark.parametrize("options", [FROZEN, SNAPSHOTS])
def test_both_guardians_killed_at_once(mapped: Shell, options: str) -> None:
    poll(lambda: content(mapped, HELD), Deadline.after(60, "a rescuer that stands by"))
    mapped.run(f"rm -f {RESCUED}", soon())
    before = mapped.run(LOOK, soon()).stdout
    fault = f"--fail-at snapshot:guardians={int(signal.SIGKILL)}"
    line = f"python3 -IB {agent.PATH} save {OPTIONS} {options} {fault} 9>{FIFO}"
    saved = mapped.run(f"rm {HELD}; {line}", soon(), check=False)
    assert saved.status == 128 + signal.SIGKILL
    there = Deadline.after(300, "what recover said")
    rescued = json.loads(poll(lambda: content(mapped, RESCUED), there))
    assert rescued["status"] == 0, rescued
    assert mapped.run(LOOK, soon()).stdout == before


# once frozen, nobody is killed for memory: oom_killer_disable(), mm/oom_kill.c (6.1 to 7.3)
def test_killing_for_memory_takes_neither_worker_nor_guardian(mapped: Shell) -> None:
    before = mapped.run(LOOK, soon()).stdout
    hog = mapped.run(HOG, soon()).stdout.split()[0]
    fault = f"--fail-at freeze:oom={OOM_KILLS}"
    save = f"python3 -IB {agent.PATH} save {OPTIONS} {FROZEN} {fault}"
    line = f"{LIKE_ALL}; dmesg -C; {save}"
    saved = mapped.run(line, soon(), check=False)
    ended = json.loads(saved.stdout)
    assert (ended["why"], ended["undone"]) == ("asked to fail in freeze", True)
    killed = KILLED.findall(mapped.run("dmesg", soon()).stdout)
    assert killed[0] == hog
    assert len(killed) >= OOM_KILLS
    assert mapped.run(LOOK, soon()).stdout == before
