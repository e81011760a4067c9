"""Programs: run, refused, failed, stopped, and gone when we are."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from hibtest.deadline import Deadline, poll
from hibtest.errors import HostError
from hibtest.images.tools import Call, Programs


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def start_sleep(pidfile: Path) -> None:
    Programs().run(["sh", "-c", f"echo $$ >{pidfile}; exec sleep 600"])


def builder(pidfile: Path, ready: Connection) -> None:
    threading.Thread(target=start_sleep, args=(pidfile,), daemon=True).start()
    poll(lambda: pidfile.exists() or None, Deadline.after(30, "the program"))
    ready.send(True)
    signal.pause()


def pid_in(pidfile: Path) -> int:
    def written() -> str | None:
        return pidfile.read_text() or None if pidfile.exists() else None

    return int(poll(written, Deadline.after(30, "the program's start")))


def test_output_is_returned() -> None:
    assert Programs().run(["echo", "a b"]) == "a b\n"


def test_output_goes_to_a_file_and_input_comes_from_one(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("text")
    call = Call(feed=tmp_path / "in", stdout=tmp_path / "out")
    assert Programs().run(["cat"], call) == ""
    assert (tmp_path / "out").read_text() == "text"


def test_a_failure_tells_the_last_line_that_tells_something() -> None:
    script = "echo 'E: Could not connect' >&2; echo 'E: apt-get update failed' >&2; exit 3"
    with pytest.raises(HostError, match="sh failed with status 3: E: Could not connect"):
        Programs().run(["sh", "-c", script])


def test_a_failure_keeps_the_command_and_all_that_was_said() -> None:
    with pytest.raises(HostError) as caught:
        Programs().run(["sh", "-c", "echo one >&2; echo two >&2; exit 1"])
    assert caught.value.__notes__ == [
        "sh -c 'echo one >&2; echo two >&2; exit 1'",
        "one\ntwo\n",
    ]


def test_a_full_disk_is_said_in_few_words() -> None:
    with pytest.raises(HostError, match="sh: the disk is full"):
        Programs().run(["sh", "-c", "dd if=/dev/zero of=/dev/full"])


def test_stop_ends_what_runs_and_starts_no_more(tmp_path: Path) -> None:
    programs = Programs()
    pidfile = tmp_path / "pid"
    caught: list[HostError] = []

    def work() -> None:
        try:
            programs.run(["sh", "-c", f"echo $$ >{pidfile}; exec sleep 600"])
        except HostError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    pid = pid_in(pidfile)
    programs.stop()
    thread.join()
    assert caught
    assert not running(pid)
    with pytest.raises(HostError, match="stopped"):
        programs.run(["true"])


def test_a_program_ends_with_a_builder_that_is_killed(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=builder, args=(tmp_path / "pid", theirs))
    process.start()
    assert ours.poll(30)
    pid = pid_in(tmp_path / "pid")
    assert running(pid)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    poll(lambda: not running(pid) or None, Deadline.after(10, f"the end of process {pid}"))
    assert not running(pid)
