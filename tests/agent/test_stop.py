"""Stoppers where nothing can be stopped but what this test starts: in a pid namespace."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError
from hibtest.agent.stop import STOPPERS, hierarchy, prepare

ROOT = Path(__file__).parents[2]

# Runs as the second process of a pid namespace; whose init is a shell.
INSIDE = """
import json, os, signal, sys
from hibtest.agent import stop, tasks
from hibtest.agent.stop import sigstop

assert os.getpid() < 100 and os.readlink("/proc/self/ns/pid") != sys.argv[1], "not in a namespace"

class Journal:
    def __init__(self):
        self.entries = []
    def add(self, kind, /, **args):
        self.entries.append(json.loads(json.dumps(args)))

def child(stopped):
    pid = os.fork()
    if pid == 0:
        if stopped:
            os.kill(os.getpid(), signal.SIGSTOP)
        while True:
            signal.pause()
    while tasks.look(pid).state != ("T" if stopped else "S"):
        pass
    return pid

runs, stopped = child(False), child(True)
def states():
    return [tasks.look(pid).state for pid in (runs, stopped)]
def settled(wanted):
    while states() != wanted:
        pass
    return wanted
journal, stopper = Journal(), stop.prepare("sigstop", frozenset({os.getpid()}))
told = {"still": stopper.stop(journal, 10), "stopped": states(), "facts": stopper.facts()}
stopper.go([runs, stopped])
told["gone"] = settled(["S", "T"])
for args in reversed(journal.entries):
    sigstop.undo(args)
told["undone"] = settled(["S", "T"])
sigstop.undo({"tasks": [[runs, 1], [99999, 1]]})
told["sent"] = [sigstop.send(runs, 1, signal.SIGKILL), sigstop.send(99999, 1, signal.SIGKILL)]
told["alive"] = states()
for pid in (runs, stopped):
    os.kill(pid, signal.SIGKILL)
print(json.dumps(told))
"""


@pytest.fixture
def namespace() -> list[str]:
    argv = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*argv, "true"], check=False).returncode:
        pytest.skip("no pid namespaces here: unshare(1) is missing or not allowed to")
    return [*argv, "sh", "-c", '"$@"; exit $?', "init"]


def test_sigstop_stops_and_undoes(namespace: list[str]) -> None:
    outside = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path
    done = subprocess.run(
        [*namespace, sys.executable, "-c", INSIDE, outside],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.fspath(ROOT)},
    )
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert [(pid, why) for pid, *_, why in told["still"]] == [(1, "pid 1")]
    assert told["stopped"] == ["T", "T"]
    assert (told["facts"]["stopped"], told["facts"]["before"]) == (1, 1)
    assert told["gone"] == told["undone"] == ["S", "T"]
    assert told["sent"] == [False, False]  # the id of another one, and nobody's
    assert told["alive"] == ["S", "T"]


def test_an_unknown_stopper_is_refused_with_the_known() -> None:
    with pytest.raises(AgentError, match="'sleep'") as caught:
        prepare("sleep", frozenset())
    assert all(name in caught.value.hint for name in STOPPERS)


def mountinfo(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return os.fspath(path)


def test_a_hierarchy_that_is_not_mounted_is_refused(tmp_path: Path) -> None:
    info = mountinfo(
        tmp_path / "mountinfo",
        "25 1 0:22 / /sys rw - sysfs sysfs rw",
        "30 25 0:26 /system.slice /mnt/part rw - cgroup2 cgroup2 rw",
        "31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
    )
    with pytest.raises(AgentError, match="no cgroup2") as caught:
        hierarchy.mounted_root(info)
    assert "mount -t cgroup2" in caught.value.hint


def test_a_part_of_a_hierarchy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cgroup.freeze").write_text("0\n")
    info = mountinfo(tmp_path / "mountinfo", f"30 25 0:26 / {tmp_path} rw shared:1 - cgroup2 c rw")
    with pytest.raises(AgentError, match="container"):
        hierarchy.mounted_root(info)
