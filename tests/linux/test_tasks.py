"""Lines of /proc/PID/stat, as kernels write them and as none does."""

import os
import subprocess
from pathlib import Path

import pytest

from hibtest.linux import tasks
from hibtest.linux.tasks import PF_KTHREAD, Stat

# of a Debian guest with Linux 6.1
INIT = (
    b"1 (init) S 0 1 1 0 -1 4194560 335 18412 23 95 2 28 77 56 20 0 1 0 31 2764800 389 "
    b"18446744073709551615 1 1 0 0 0 0 0 3145728 134234626 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
AFTER_COMM = INIT.partition(b")")[2]


def test_a_task_is_what_its_line_says() -> None:
    assert tasks.parse(INIT) == Stat(1, "init", "S", 0, 4194560, 1, 31)


@pytest.mark.parametrize(
    "comm",
    [
        "a b",
        "a) S (b",
        "()",
        ")",
        "",
        " (",
        "a\nb",
        ") R 1 1 1",
        "\\ \t",
        "(sd-pam)",
        "kworker/0:1H",
    ],
)
def test_a_comm_may_hold_anything(comm: str) -> None:
    found = tasks.parse(b"7 (" + comm.encode() + b")" + AFTER_COMM)
    assert (found.pid, found.comm, found.state, found.started) == (7, comm, "S", 31)


def test_a_comm_that_is_no_utf_8_is_shown_all_the_same() -> None:
    assert tasks.parse(b"7 (caf\xe9)" + AFTER_COMM).comm == "caf\N{REPLACEMENT CHARACTER}"


def test_kernel_threads_are_told_by_their_flag() -> None:
    assert not tasks.parse(INIT).kernel
    assert tasks.parse(INIT.replace(b"4194560", str(4194560 | PF_KTHREAD).encode())).kernel


def test_this_process_is_what_it_is() -> None:
    found = tasks.parse(Path("/proc/self/stat").read_bytes())
    comm = Path("/proc/self/comm").read_text().rstrip("\n")
    assert (found.pid, found.ppid, found.comm) == (os.getpid(), os.getppid(), comm)
    assert found.threads == len(list(Path("/proc/self/task").iterdir()))


def test_a_zombie_has_a_line_too() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        found = tasks.parse(Path(f"/proc/{process.pid}/stat").read_bytes())
    assert (found.pid, found.state, found.comm) == (process.pid, "Z", "true")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"1",
        b"1 init S 0",
        b"1 (init)",
        b"1 (init) S 0 1 1",
        b"x (init)" + AFTER_COMM,
        b"()",
    ],
)
def test_what_is_no_such_line_is_shown(line: bytes) -> None:
    with pytest.raises(ValueError, match="no line of /proc/PID/stat") as caught:
        tasks.parse(line)
    assert repr(line)[:80] in str(caught.value)
