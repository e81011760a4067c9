"""Exercises of usermode helpers and of the OOM killer, with a kernel that is made up."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from hibtest.probe import procfs
from hibtest.probe.audit import helpers
from hibtest.probe.audit.helpers import CORE_PATTERN, MODPROBE, PRINTK
from hibtest.probe.base import Failed, Lacking
from hibtest.probe.witnesses import processes
from tests.probe.tree import Tree

GROUP = "/sys/fs/cgroup/hibtest-oom"


def test_a_setting_is_set_back_whatever_happens(tree: Tree) -> None:
    tree.put(CORE_PATTERN, "core\n")

    def fail() -> None:
        with helpers.setting(CORE_PATTERN, "|x"):
            raise Failed(tree.at(CORE_PATTERN).read_text())

    with pytest.raises(Failed, match=r"^\|x$"):
        fail()
    assert tree.wrote == [(CORE_PATTERN, "|x"), (CORE_PATTERN, "core")]


def test_a_setting_that_is_not_there_is_lacking(tree: Tree) -> None:
    with pytest.raises(Lacking, match="no /proc/none"), helpers.setting("/proc/none", "1"):
        pass
    assert tree.wrote == []


@pytest.mark.parametrize("starts", [True, False])
def test_a_core_starts_the_program_that_is_named(
    tree: Tree, run: Path, monkeypatch: pytest.MonkeyPatch, starts: bool
) -> None:
    tree.put(CORE_PATTERN, "core\n")

    def dump(_work: object) -> int:
        words = tree.at(CORE_PATTERN).read_text().removeprefix("|").replace("%p", "77").split()
        assert words == [str(run / "helper"), "77"]
        return subprocess.Popen(words if starts else ["true"]).pid

    monkeypatch.setattr(helpers, "child", dump)
    if starts:
        assert helpers.helper() == "a core dump started a program"
        assert (run / "helper.out").read_text() == "77\n"
    else:
        with pytest.raises(Failed, match=r"a core dump did not start .*/helper$"):
            helpers.helper()
    assert tree.at(CORE_PATTERN).read_text() == "core"


def test_what_an_earlier_exercise_left_is_no_answer(
    tree: Tree, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / "helper.out").write_text("77\n")
    tree.put(MODPROBE, "/sbin/modprobe\n")
    with pytest.raises(Failed, match="a request for a module did not start"):
        helpers.helper()


def test_without_core_dumps_a_module_is_asked_for(
    tree: Tree, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.put(MODPROBE, "/sbin/modprobe\n")
    asked: list[int] = []

    def family(number: int) -> None:
        asked.append(number)
        subprocess.run([tree.at(MODPROBE).read_text(), "-q", f"net-pf-{number}"], check=True)
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", family)
    assert helpers.helper() == "a request for a module started a program"
    assert asked == [helpers.NO_FAMILY]
    assert (run / "helper.out").read_text() == "-q net-pf-63\n"
    assert tree.at(MODPROBE).read_text() == "/sbin/modprobe"


def test_only_the_first_word_of_the_consoles_levels_is_changed(tree: Tree) -> None:
    tree.put(PRINTK, "7\t4\t1\t7\n")
    with helpers.quiet_console():
        assert tree.at(PRINTK).read_text() == "1 4 1 7"
    assert tree.at(PRINTK).read_text().split() == ["7", "4", "1", "7"]


def group(tree: Tree, kills: int, *, swap: bool = True) -> Path:
    """Have a control group in which so many were killed."""
    tree.put(f"{GROUP}/memory.max", "max\n")
    if swap:
        tree.put(f"{GROUP}/memory.swap.max", "max\n")
    tree.put(f"{GROUP}/memory.events", f"low 0\nhigh 0\nmax 9\noom 1\noom_kill {kills}\n")
    return Path(GROUP)


def ending(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have the child end by a signal, or by itself when it is 0."""

    def started(_work: object) -> int:
        pid = os.fork()
        if pid == 0:
            if number:
                os.kill(os.getpid(), number)
            os._exit(0)
        return pid

    monkeypatch.setattr(helpers, "child", started)
    monkeypatch.setattr(procfs, "state", lambda _: "Z")


@pytest.mark.parametrize("swap", [True, False])
def test_a_child_that_was_killed_alone_is_as_it_should_be(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, swap: bool
) -> None:
    ending(monkeypatch, signal.SIGKILL)
    assert helpers.kill_in(group(tree, 1, swap=swap)).startswith("killed the child")
    limits = [(f"{GROUP}/memory.max", "4194304"), (f"{GROUP}/memory.swap.max", "0")]
    assert tree.wrote == limits[: 1 + swap]


@pytest.mark.parametrize(
    ("number", "kills"),
    [(0, 0), (0, 1), (signal.SIGKILL, 0), (signal.SIGKILL, 2), (signal.SIGHUP, 1)],
)
def test_anything_else_is_told(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, number: int, kills: int
) -> None:
    ending(monkeypatch, number)
    with pytest.raises(Failed, match=f"wait status {number:#x}, oom_kill {kills}$"):
        helpers.kill_in(group(tree, kills))


def test_a_child_that_lives_on_is_ended(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen(["sleep", "1000"])
    monkeypatch.setattr(helpers, "child", lambda _: child.pid)
    monkeypatch.setattr(procfs, "state", lambda _: "R")
    with pytest.raises(Failed, match="wait status 0x9, oom_kill 1"):
        helpers.kill_in(group(tree, 1))
    child.returncode = 0  # waited for above


@pytest.mark.parametrize("controllers", [None, "cpuset io\n"])
def test_without_groups_of_memory_there_is_no_exercise(tree: Tree, controllers: str | None) -> None:
    if controllers is not None:
        tree.put("/sys/fs/cgroup/cgroup.procs", "")
        tree.put("/sys/fs/cgroup/cgroup.controllers", controllers)
    with pytest.raises(Lacking, match="no control groups of memory"):
        helpers.oom_killer()
    assert tree.wrote == []


def test_a_controller_is_enabled_where_it_is(recorded: Tree) -> None:
    control = "/sys/fs/cgroup/cgroup.subtree_control"
    recorded.put(control, "")
    assert processes.enable("memory")
    assert not processes.enable("mem")
    assert recorded.wrote == [(control, "+memory")]
