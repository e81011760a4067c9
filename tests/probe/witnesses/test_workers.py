"""Witnesses that work: real crews, whose memory is spoilt while they do."""

import mmap
import os
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from hibtest.probe import procfs, syscalls
from hibtest.probe.base import Lacking, Planted
from hibtest.probe.pages import SIZE
from hibtest.probe.witnesses import console, workers, working
from tests.probe.witnesses.looking import Looked, kept

pytestmark = pytest.mark.usefixtures("ending")

CREWS: dict[str, Callable[[], Planted]] = {
    "working-memory": workers.anonymous,
    "working-shared": workers.shared,
    "working-tmpfs": workers.tmpfs,
    "working-page-cache": workers.page_cache,
    "working-file": workers.file,
}
IN_FILES = {"working-tmpfs": "run/working", "working-page-cache": "disk/working-mapped",
            "working-file": "disk/working-written"}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "NAP", 0.01)
    monkeypatch.setattr(workers, "CGROUP", tmp_path / "no-cgroups")


@pytest.mark.parametrize(("name", "plant"), CREWS.items())
def test_a_crew_goes_on(name: str, plant: Callable[[], Planted]) -> None:
    witness = Looked(name, plant)
    first, second = witness.found(), witness.found()
    assert witness.planted["step"] <= first["step"] < second["step"]
    assert witness.wrong() == ()


@pytest.mark.parametrize(("name", "file"), IN_FILES.items())
def test_a_page_that_was_written_a_pass_ago_is_found(name: str, file: str, tmp_path: Path) -> None:
    witness = Looked(name, CREWS[name])
    os.kill(witness.planted["workers"][0]["pid"], signal.SIGSTOP)
    procfs.wait_for(lambda: procfs.state(witness.planted["workers"][0]["pid"]) == "T", 5)
    path = tmp_path / file
    data = path.read_bytes()
    (seed, number) = struct.unpack_from("<QQ", data, 63 * SIZE)
    with path.open("r+b") as opened:
        opened.seek(63 * SIZE)
        opened.write(working.content(seed, number - 1 if number else 9, 63))
    os.kill(witness.planted["workers"][0]["pid"], signal.SIGCONT)
    assert witness.wrong()[0].startswith("page 63 is of pass ")


def test_a_crew_that_was_stopped_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    witness = Looked("working-shared", workers.shared)
    monkeypatch.setattr(workers, "ANSWER", 0.5)
    os.kill(witness.planted["workers"][1]["pid"], signal.SIGSTOP)
    procfs.wait_for(lambda: procfs.state(witness.planted["workers"][1]["pid"]) == "T", 5)
    witness.found()  # what was on its way has been done
    assert any(text.startswith("stands still at step ") for text in witness.wrong())


def test_a_worker_that_is_gone_is_named() -> None:
    witness = Looked("working-shared", workers.shared)
    pid = witness.planted["workers"][0]["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert witness.wrong()[0].startswith("its processes were ")


def test_workers_have_names_threads_and_users_of_their_own() -> None:
    shared, memory = workers.shared().facts, workers.anonymous().facts
    pids = [one["pid"] for one in shared["workers"]]
    procfs.wait_for(lambda: name(pids[1]) == "shared (other)", 5)
    assert [name(pid) for pid in pids] == ["shared (one)", "shared (other)"]
    owner = procfs.read(f"/proc/{pids[1]}/status").split("Uid:")[1].split()[0]
    assert int(owner) == (workers.NOBODY if os.geteuid() == 0 else os.getuid())
    of = f"/proc/{memory['workers'][0]['pid']}/stat"
    assert (stat := procfs.stat(of)) is not None
    assert (stat.comm, stat.threads) == ("work) R 1 (hib", 3)


def name(pid: int) -> str:
    return procfs.read(f"/proc/{pid}/comm")


def test_huge_pages_that_the_kernel_does_not_give_are_lacking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(procfs, "kib", lambda *_: 0)
    with pytest.raises(Lacking, match="the kernel gives no huge pages"):
        workers.huge()


def test_every_eighth_page_of_a_huge_one_is_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "kib", lambda *_: 2048)  # whatever this kernel gives
    areas = kept(monkeypatch, workers, "private")
    witness = Looked("working-huge", workers.huge)
    assert witness.planted["huge_kib"] == 2048
    assert witness.found()["goes_on"]
    [area] = areas
    assert len(area) == 2 * workers.HUGE


def test_a_crew_that_does_not_begin_was_not_planted(
    impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working.Crew, "begin", lambda _: None)
    with pytest.raises(TimeoutError, match="it came to step 0"):
        workers.anonymous()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What the counting process says, as the kernel's log has it."""
    path = tmp_path / "log"
    path.write_text("<6>another line\n")

    def say(device: str, text: str) -> None:
        assert device == "/dev/kmsg"
        with path.open("a") as opened:
            opened.write(text)

    monkeypatch.setattr(procfs, "write", say)
    monkeypatch.setattr(syscalls, "kernel_log", path.read_text)
    monkeypatch.setattr(console, "TICK", 0.005)
    return path


def test_a_process_counts_in_the_log_until_its_lines_are_used_up(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "LINES", 4)
    words = kept(monkeypatch, console, "Words")
    witness = Looked("working-console", console.counts)
    assert procfs.wait_for(lambda: words[0][console.LEFT] == 0, 5)
    said = log.read_text().splitlines()[1:]
    assert said == [f"<6>hibtest counts {number}" for number in range(1, len(said) + 1)]
    assert witness.wrong() == ()
    assert procfs.wait_for(lambda: len(log.read_text().splitlines()) > 1 + len(said), 5)


def test_a_count_that_is_not_its_own_or_a_line_that_is_lost_is_found(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = kept(monkeypatch, console, "Words")
    witness = Looked("working-console", console.counts)
    assert procfs.wait_for(lambda: words[0][console.SAID] >= 4, 5)
    log.write_text(log.read_text().replace("<6>hibtest counts 2\n", ""))
    assert witness.wrong() == ("in the kernel's log 3 comes after 1",)
    words[0][console.COUNT] += 1000
    assert procfs.wait_for(lambda: words[0][console.ASTRAY] > 0, 5)
    assert any(text.startswith("count was not its own") for text in witness.wrong())


def test_what_is_said_is_no_mark_of_the_story() -> None:
    from hibtest import story

    line = f"[   12.345678] {console.LINE.format(17)}"
    assert story.Teller().hear(line) is None


def test_memory_is_there_for_two(run: Path) -> None:
    area = working.mapped_file(run / "file")
    area.write(3, b"x" * SIZE)
    assert (run / "file").read_bytes()[3 * SIZE : 4 * SIZE] == area.read(3) == b"x" * SIZE
    assert isinstance(working.private(1), mmap.mmap)
