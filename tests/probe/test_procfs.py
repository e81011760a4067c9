"""Reading /proc and /sys: files that are missing, empty, cut, huge, or odd."""

import os
from pathlib import Path

import pytest

from hibtest.probe import procfs
from hibtest.probe.base import Lacking
from hibtest.probe.pages import SIZE, Region, content, facts
from hibtest.probe.shared import Words
from tests.probe.tree import Tree


def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    data = os.urandom(3 * (1 << 16) + 7)
    path.write_bytes(data)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert procfs.raw(path) == data
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize(
    ("data", "text"), [(b"", ""), (b" a b \n\n", "a b"), (b"\xff\n", "\ufffd"), (b"a\0b", "a\0b")]
)
def test_texts_have_no_white_space_around(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert procfs.read(path) == procfs.read_or(path, "none") == procfs.need(path) == text


def test_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none"
    assert procfs.read_or(path, "otherwise") == "otherwise"
    for missing in (path, tmp_path / "file" / "below"):
        (tmp_path / "file").write_text("")
        with pytest.raises(Lacking, match=f"^no {missing}$"):
            procfs.need(missing)
    with pytest.raises(IsADirectoryError):
        procfs.need(tmp_path)  # which is no lack


@pytest.mark.parametrize(
    ("text", "number"), [("17\n", 17), ("-2", -2), ("", None), ("0x10", None), ("1 2", None)]
)
def test_numbers(tmp_path: Path, text: str, number: int | None) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    assert procfs.number(path) == number
    assert procfs.number(tmp_path / "none") is None


def test_a_line_for_the_log_ends(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_text("")
    procfs.say("hello", str(path))
    assert path.read_text() == "<4>hibtest: hello\n"
    with pytest.raises(FileNotFoundError):
        procfs.write(tmp_path / "none", "1")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("comm", ["sh", "a) S 1 (b", "(sd-pam)", "", "new\nline"])
def test_names_of_tasks_may_be_anything(tree: Tree, comm: str) -> None:
    rest = "T 1 7 7 0 -1 4194560 " + "0 " * 10 + "1 0 77 " + "0 " * 5
    tree.put("/proc/7/stat", f"7 ({comm}) {rest}\n")
    assert procfs.state(7) == "T"
    found = procfs.stat("/proc/7/stat")
    assert found is not None
    assert (found.pid, found.comm, found.ppid, found.flags) == (7, comm, 1, 4194560)
    assert procfs.identity(7)["pid"] == 7


@pytest.mark.parametrize("line", ["", "7", "7 (sh", "7 (sh)", "7 (sh) S 1 7 7 0 -1"])
def test_a_task_that_was_cut_is_an_error(tree: Tree, line: str) -> None:
    tree.put("/proc/7/stat", line)
    with pytest.raises(ValueError, match="no line of /proc/PID/stat"):
        procfs.state(7)


def test_a_task_that_is_not_there_has_no_state(tree: Tree) -> None:
    assert procfs.state(7) == ""
    assert procfs.identity(7) == {"pid": 7, "starttime": None}


@pytest.mark.parametrize("text", ["0-", "a", "0-1-2", "1,,x"])
def test_odd_lists_of_cpus(text: str) -> None:
    if text == "0-":
        assert procfs.cpu_list(text) == {0}
    else:
        with pytest.raises(ValueError, match="invalid literal"):
            procfs.cpu_list(text)


def test_a_fact_is_asked_for_until_it_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    facts_ = iter([False, False, True])
    assert procfs.wait_for(lambda: next(facts_), 60, every=0)
    monkeypatch.setattr(procfs, "PATIENCE", 0.0)
    last = iter([False, True])
    assert procfs.wait_for(lambda: next(last), 60)  # asked once more at the end
    assert not procfs.wait_for(lambda: False, 60)


def test_a_region_is_what_it_reads() -> None:
    data = bytearray(content(4, 1))
    region = Region(lambda: bytes(data), bytes(data))
    assert region.facts == facts(bytes(data))
    del data[-SIZE:]
    found = region.look()
    assert (found["pages"], found["differing"]) == (3, 1)
    assert found["named"][0][0::2] == [3, -1]


def test_words_are_seen_by_children() -> None:
    words = Words(2)
    pid = os.fork()
    if pid == 0:
        words.add(1, 5)
        os._exit(0)
    os.waitpid(pid, 0)
    assert list(words) == [0, 5]
    for beyond in (-1, 2):
        with pytest.raises(IndexError):
            words[beyond]
