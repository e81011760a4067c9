"""The hibernator at its FIFO, and what it makes of the agent's answers."""

import os
from pathlib import Path

import pytest

from hibtest.probe import hibernator, procfs
from hibtest.probe.detached import child

pytestmark = pytest.mark.usefixtures("ending")


class Hibernator:
    """A hibernator that runs, and files that stand for /sys/power and /dev/kmsg."""

    def __init__(self, directory: Path) -> None:
        self.run = directory
        self.kmsg = directory / "kmsg"
        for name in ("disk", "state", "kmsg"):
            (directory / name).write_text("")
        os.mkfifo(directory / "log")
        hibernator.make(directory)
        hibernator.make(directory)  # as in another try
        self.log = os.open(directory / "log", os.O_RDWR)
        child(lambda: hibernator.serve(directory, directory, str(directory / "log")))

    def __call__(self, line: str) -> list[str]:
        """Return what it says of a line."""
        with (self.run / hibernator.FIFO).open("w") as fifo:
            fifo.write(line)
        text = ""
        while "returned" not in text:
            text += os.read(self.log, 4096).decode()
        return text.splitlines()


def test_a_line_of_the_fifo_hibernates(tmp_path: Path) -> None:
    ask = Hibernator(tmp_path)
    there = hibernator.writes_to(tmp_path)
    for mode in ("platform", "shutdown"):
        assert ask(f"\n{mode}\n") == [
            f"<4>hibtest: hibernate {mode} begins",
            f"<4>hibtest: hibernate {there}",
            f"<4>hibtest: hibernate {mode} returned 0 OK success",
        ]
        assert (tmp_path / "state").read_text() == "disk"
    assert (tmp_path / "disk").read_text() == "shutdown"
    assert 0 < int((tmp_path / hibernator.RETURNED).read_text()) <= procfs.ticks()
    assert not (tmp_path / hibernator.BY_AGENT).exists()


def test_a_rehearsal_sets_its_level_and_leaves_none(tmp_path: Path) -> None:
    (tmp_path / "pm_test").touch()
    ask = Hibernator(tmp_path)
    assert ask("platform core\n")[-1] == "<4>hibtest: hibernate platform returned 0 OK success"
    assert (tmp_path / "pm_test").read_text().endswith("none")
    (tmp_path / "pm_test").write_text("")
    (tmp_path / "state").unlink()
    (tmp_path / "state").mkdir()  # which cannot be written to
    assert "returned 21 EISDIR" in ask("platform core\n")[-1]
    assert (tmp_path / "pm_test").read_text() == "none"  # over "core": files of /sys are not cut


def test_where_the_kernel_will_write_to_is_said_before(tmp_path: Path) -> None:
    swaps = tmp_path / "swaps"
    lines = ("Filename Type Size Used Priority", "/gone file 8 0 -2", f"{tmp_path} file 8 0 1")
    swaps.write_text("".join(f"{line}\n" for line in lines))
    assert hibernator.writes_to(tmp_path, str(swaps)) == f"to 0:0 offset 0 of /gone {tmp_path}"
    (tmp_path / "resume").write_text("254:16\n")
    (tmp_path / "resume_offset").write_text("34816\n")
    assert hibernator.writes_to(tmp_path, "/none") == "to 254:16 offset 34816 of "


def agent(tmp_path: Path, text: str) -> str:
    path = tmp_path / "agent.py"
    path.write_text(f"import sys\n{text}\n")
    return hibernator.by_agent(["save", "x"], str(path))


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ('print(\'{"errno": 0, "why": ""}\')', "0 OK success"),
        ('print(\'{"errno": 28, "why": "no room"}\'); sys.exit(1)', "28 ENOSPC no room"),
        ('print(\'{"errno": 28, "why": "no room"}\'); sys.exit(4)',
         "131 ENOTRECOVERABLE not all could be undone: no room"),
        ("sys.exit(3)", "5 EIO the agent's status is 3: "),
        ("raise RuntimeError(sys.argv[1:])",
         "5 EIO the agent's status is 1: RuntimeError: ['save', 'x']"),
        ('print(\'{"errno": "many"}\'); sys.exit(1)', "5 EIO the agent's status is 1: "),
        ('print(\'{"errno": null}\'); sys.exit(1)', "5 EIO the agent's status is 1: "),
        ("print('[]'); sys.exit(1)", "5 EIO the agent's status is 1: "),
        ("print('7'); sys.exit(1)", "5 EIO the agent's status is 1: "),
    ],
)  # fmt: skip
def test_what_the_agent_tells(tmp_path: Path, text: str, came: str) -> None:
    assert agent(tmp_path, text) == came
