"""Which block devices can keep an image, by trees of sysfs that are written by hand."""

from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError
from hibtest.agent.needed.tree import Tree
from hibtest.agent.target import medium
from tests.agent.needed.trees import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def unfit(machine: Machine, number: str) -> str:
    return medium._unfit(Tree(str(machine.root)), number)


@pytest.mark.parametrize("number", ["8:0", "8:1", "9:9"])
def test_disks_and_their_partitions_keep_it(machine: Machine, number: str) -> None:
    assert unfit(machine, number) == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("loop0", "its worker stands still"),
        ("zram1", "it is memory"),
        ("ram0", "it is memory"),
        ("nbd3", "its server may be"),
        ("ublkb0", "its server is a process"),
    ],
)
def test_what_stands_still_or_is_lost_does_not(machine: Machine, name: str, why: str) -> None:
    machine.block(name, "7:0")
    assert unfit(machine, "7:0").startswith(why)
    assert unfit(machine, "7:0").endswith(f"({name})")


@pytest.mark.parametrize("name", ["rampart0", "loopy", "nbd"])
def test_names_that_only_look_like_it(machine: Machine, name: str) -> None:
    machine.block(name, "7:0")
    assert unfit(machine, "7:0") == ""


def test_what_is_made_of_it_does_not_either(machine: Machine) -> None:
    machine.block("loop0", "7:0")
    machine.block("dm-0", "253:0")
    machine.block("dm-1", "253:1")
    machine.lay("/sys/class/block/dm-0/slaves", {"names": ["sda1", "loop0"]})
    machine.lay("/sys/class/block/dm-1/slaves", {"names": ["dm-0"]})
    assert unfit(machine, "253:1").endswith("(loop0)")


def test_a_file_is_no_medium(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AgentError, match="no block device"):
        medium.require(str(tmp_path / "file"))
    with pytest.raises(AgentError, match="ENOENT"):
        medium.require(str(tmp_path / "none"))
