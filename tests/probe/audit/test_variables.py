"""What the audit concludes of the kernel's own variables, by a core that was made up."""

import struct
from pathlib import Path
from typing import Any

import pytest

from hibtest.probe.audit import variables
from hibtest.probe.audit.variables import MUTEXES, VARIABLES, Variable
from hibtest.probe.base import Failed, Lacking
from tests.probe.audit.kcore import kcore
from tests.probe.tree import Tree

DATA = 0xFFFFFFFFA0000000
ROOM = 64  # bytes for each variable
OWNER = 0xFFFF888003A51D40  # a task


class Kernel:
    """A kernel that has some of the variables."""

    def __init__(self, tree: Tree, *names: str) -> None:
        self.tree = tree
        self.data = bytearray(ROOM * len(names))
        self.addresses = {name: [DATA + ROOM * at] for at, name in enumerate(names)}

    def put(self, name: str, value: int, size: int = 8, offset: int = 0) -> None:
        """Set a variable."""
        at = self.addresses[name][0] - DATA + offset
        self.data[at : at + size] = value.to_bytes(size, "little")
        self.show()

    def show(self) -> None:
        """Show memory as it is now."""
        self.tree.put("/proc/kcore", kcore({DATA: bytes(self.data)}))

    def before(self) -> dict[str, Any]:
        """Return what is recorded of it."""
        return {
            "addresses": self.addresses,
            "variables": variables.values(self.addresses),
            "variables_lacking": "",
        }


@pytest.fixture
def kernel(tree: Tree, run: Path) -> Kernel:
    found = Kernel(tree, *(one.name for one in (*VARIABLES, *MUTEXES)))
    for one in VARIABLES:
        found.data[found.addresses[one.name][0] - DATA + one.offset] = 3
    found.show()
    return found


def test_all_that_stayed_is_as_before(kernel: Kernel) -> None:
    was = kernel.before()
    assert variables.exercise(was) == f"{len(VARIABLES)} variables are as before"
    assert set(was["variables"]) == {one.name for one in VARIABLES}


@pytest.mark.parametrize("one", VARIABLES, ids=lambda one: one.name)
def test_each_variable_that_changed_is_named(kernel: Kernel, one: Variable) -> None:
    was = kernel.before()
    kernel.put(one.name, 1, one.size, one.offset)
    with pytest.raises(Failed) as failed:
        variables.exercise(was)
    assert str(failed.value) == f"{one.name} was 0x3, is 0x1 ({one.covers})"


@pytest.mark.parametrize("one", VARIABLES, ids=lambda one: one.name)
def test_what_lies_beside_a_variable_does_not_count(kernel: Kernel, one: Variable) -> None:
    was = kernel.before()
    kernel.put(one.name, 0xFF, 1, one.offset + one.size)
    if one.offset:
        kernel.put(one.name, 0xFF, 1, one.offset - 1)
    assert "as before" in variables.exercise(was)


def test_a_name_may_be_two_variables(tree: Tree, run: Path) -> None:
    kernel = Kernel(tree, "in_suspend", "other")
    kernel.put("in_suspend", 0)
    kernel.addresses = {"in_suspend": [DATA, DATA + ROOM]}
    was = kernel.before()
    assert was["variables"] == {"in_suspend": [0, 0]}
    struct.pack_into("<I", kernel.data, ROOM, 1)
    kernel.show()
    with pytest.raises(Failed, match="in_suspend was 0x0, 0x0, is 0x0, 0x1"):
        variables.exercise(was)


def test_a_kernel_is_asked_for_what_it_has(tree: Tree, run: Path) -> None:
    kernel = Kernel(tree, "pm_freezing", "fw_lock")
    kernel.put("pm_freezing", 0, 1)
    kernel.addresses["nr_zero_pages"] = []  # of 6.12 and later
    assert variables.exercise(kernel.before()) == "1 variables are as before"
    assert variables.free_mutexes(kernel.before()) == "1 mutexes are free"


def test_what_the_snapshot_device_leaves_is_no_fault(kernel: Kernel, run: Path) -> None:
    was = kernel.before()
    kernel.put("in_suspend", 1, 4)
    with pytest.raises(Failed, match="in_suspend"):
        variables.exercise(was)
    (run / "by-agent").touch()
    assert "as before" in variables.exercise(was)
    kernel.put("pm_freezing", 1, 1)
    with pytest.raises(Failed, match=r"^pm_freezing was 0x3, is 0x1 \([^;]*\)$"):
        variables.exercise(was)


@pytest.mark.parametrize("one", MUTEXES, ids=lambda one: one.name)
def test_a_mutex_that_is_held_is_named(kernel: Kernel, one: Variable) -> None:
    kernel.put(one.name, OWNER)
    with pytest.raises(Failed) as failed:
        variables.free_mutexes(kernel.before())
    assert str(failed.value) == f"{one.name} is held ({one.covers})"


@pytest.mark.parametrize("flags", [1, 2, 4, 7])
def test_flags_of_a_mutex_are_no_owner(kernel: Kernel, flags: int) -> None:
    # MUTEX_FLAGS, kernel/locking/mutex.c, 6.1 to 7.3
    kernel.put("fw_lock", flags)
    assert variables.free_mutexes(kernel.before()) == f"{len(MUTEXES)} mutexes are free"
    kernel.put("fw_lock", 8 | flags)
    with pytest.raises(Failed, match="fw_lock is held"):
        variables.free_mutexes(kernel.before())


@pytest.mark.parametrize("ask", [variables.exercise, variables.free_mutexes])
def test_why_nothing_is_known_is_told(tree: Tree, ask: Any) -> None:
    why = "/proc/kallsyms has no addresses"
    with pytest.raises(Lacking, match=why):
        ask({"addresses": {}, "variables": {}, "variables_lacking": why})


def test_a_variable_without_memory_is_an_error(kernel: Kernel) -> None:
    was = kernel.before()
    kernel.tree.put("/proc/kcore", kcore({DATA: bytes(8)}))
    with pytest.raises(ValueError, match="no memory at 0xffffffffa0000"):
        variables.exercise(was)
