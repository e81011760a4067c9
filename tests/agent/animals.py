"""Processes of many kinds, for stoppers to be tried on. Run in a guest, never on a host."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import pty
import select
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from hibtest.agent import tasks

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
PTRACE_TRACEME, PTRACE_CONT, PTRACE_ATTACH = 0, 7, 16
DIE_WITH_US = "setpriv", "--pdeathsig", "KILL"
LIMIT = 30.0  # s; for anything to come about, under emulation
CALLS = "epoll_wait", "semop", "poll", "read", "nanosleep", "futex"
SIGNALS = "CLD_STOPPED", "CLD_CONTINUED", "SIGCONT", "wait stopped", "wait continued", "tracer"
WORDS = "busy", "thread", "forks", *CALLS, *SIGNALS
SEEN = mmap.mmap(-1, 4096)  # words that all processes here share


def seen(name: str) -> int:
    """Return how often something was counted."""
    return int(struct.unpack_from("Q", SEEN, 8 * WORDS.index(name))[0])


def count(name: str) -> None:
    struct.pack_into("Q", SEEN, 8 * WORDS.index(name), seen(name) + 1)


def pause(seconds: float) -> None:
    select.select([], [], [], seconds)


def wait_until(fact: Callable[[], object], what: str) -> None:
    """Wait for a fact.

    :raise SystemExit: When it never comes.
    """
    end = time.monotonic() + LIMIT
    while not fact():
        if time.monotonic() > end:
            raise SystemExit(f"never: {what}")
        pause(0.01)


def child(work: Callable[[], object]) -> int:
    """Start a process; it ends with its work, or with its parent."""
    pid = os.fork()
    if pid:
        return pid
    try:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        work()
    finally:
        os._exit(0)


def wait_for_signals() -> NoReturn:
    while True:
        signal.pause()


def busy() -> NoReturn:
    while True:
        count("busy")


def threads() -> NoReturn:
    for _ in range(3):
        threading.Thread(target=lambda: pause(10000), daemon=True).start()
    while True:
        count("thread")
        pause(0.001)


def forker(leash: int) -> None:
    """Fork some 50 times a second until the other end of a pipe is closed.

    Each child forks the next and ends, so that none has a parent to end with.
    """
    while not select.select([leash], [], [], 0.02)[0]:
        count("forks")
        if os.fork():
            pause(0.1)
            os._exit(0)


@contextmanager
def forking() -> Iterator[int]:
    """Have a forker at work while in the context; yields the first of its processes."""
    leash, end = os.pipe()

    def work() -> None:
        os.close(end)
        forker(leash)

    pid = child(work)
    os.close(leash)
    try:
        wait_until(lambda: seen("forks"), "a fork")
        yield pid
    finally:
        os.close(end)


def ptrace(request: int, pid: int, number: int = 0) -> None:
    arguments = (ctypes.c_long(request), ctypes.c_long(pid), None, ctypes.c_void_p(number))
    if LIBC.ptrace(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def told(work: Callable[[int], object]) -> tuple[int, int]:
    """Start a process that tells the id of another one through a pipe; return both."""
    reader, writer = os.pipe()
    pid = child(lambda: work(writer))
    return pid, int(struct.unpack("i", os.read(reader, 4))[0])


def holds_a_tracee(pipe: int) -> None:
    def tracee() -> None:
        ptrace(PTRACE_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGUSR1)

    pid = child(tracee)
    os.waitpid(pid, 0)
    os.write(pipe, struct.pack("i", pid))
    wait_for_signals()


def follows_a_tracee(pipe: int) -> None:
    """Trace one that runs: whatever stops it is passed on, and counted."""
    pid = child(wait_for_signals)
    ptrace(PTRACE_ATTACH, pid)
    os.waitpid(pid, 0)
    ptrace(PTRACE_CONT, pid)
    os.write(pipe, struct.pack("i", pid))
    while True:
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return
        count("tracer")
        ptrace(PTRACE_CONT, pid, os.WSTOPSIG(status))


def vforks(fifo: str) -> NoReturn:
    """Wait in vfork() for a child that opens a FIFO which nobody writes to."""
    action = (os.POSIX_SPAWN_OPEN, 0, fifo, os.O_RDONLY, 0)
    os.posix_spawn("/bin/true", ["true"], {}, file_actions=[action])
    wait_for_signals()


def parent() -> NoReturn:
    """Count what a parent, and a process itself, can learn of being stopped and continued."""
    waited = {signal.SIGCHLD, signal.SIGCONT}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    child(wait_for_signals)
    while True:
        info = signal.sigwaitinfo(waited)
        if info.si_signo == signal.SIGCONT:
            count("SIGCONT")
            continue
        count({5: "CLD_STOPPED", 6: "CLD_CONTINUED"}[info.si_code])
        pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        if pid:
            count("wait stopped" if os.WIFSTOPPED(status) else "wait continued")


def waits(name: str) -> NoReturn:
    """Wait in a system call for ever; count how often it ends with EINTR."""
    reader, _ = pipe = os.pipe()
    call = _call(name, reader)
    while pipe:
        if call() < 0 and ctypes.get_errno() == errno.EINTR:
            count(name)
    raise AssertionError


def _call(name: str, reader: int) -> Callable[[], int]:
    out = ctypes.create_string_buffer(16)
    if name == "epoll_wait":
        epoll = LIBC.epoll_create1(0)
        LIBC.epoll_ctl(epoll, 1, reader, struct.pack("<IQ", 1, reader))
        return lambda: int(LIBC.epoll_wait(epoll, out, 1, -1))
    if name == "semop":
        queue = LIBC.semget(0, 1, 0o600)
        return lambda: int(LIBC.semop(queue, struct.pack("Hhh", 0, -1, 0), ctypes.c_size_t(1)))
    if name == "poll":
        asked = ctypes.create_string_buffer(struct.pack("ihh", reader, 1, 0))
        return lambda: int(LIBC.poll(asked, ctypes.c_ulong(1), -1))
    if name == "read":
        return lambda: int(LIBC.read(reader, out, ctypes.c_size_t(1)))
    if name == "nanosleep":
        return lambda: int(LIBC.nanosleep(struct.pack("2q", 1000, 0), None))
    return lambda: int(LIBC.syscall(202, out, 0, 0, None, None, 0))


class Shell:
    """A shell with job control on a terminal of its own."""

    def __init__(self) -> None:
        self._terminal, end = pty.openpty()
        shell = "setsid --ctty bash --norc --noediting -i"
        argv = [*DIE_WITH_US, *shell.split()]
        self.pid = subprocess.Popen(argv, stdin=end, stdout=end, stderr=end).pid
        os.close(end)
        wait_until(lambda: self.listen().endswith("# "), "a prompt")

    def job(self, command: str) -> int:
        """Run a job in the foreground; return its process group."""
        os.write(self._terminal, f"{command}\n".encode())
        wait_until(lambda: self.foreground() != self.pid, command)
        name = command.split(maxsplit=1)[0]  # until exec it might ignore Ctrl-Z
        wait_until(lambda: getattr(tasks.look(self.foreground()), "comm", "") == name, command)
        return self.foreground()

    def stop_job(self) -> None:
        """Press Ctrl-Z."""
        os.write(self._terminal, b"\x1a")
        wait_until(lambda: self.foreground() == self.pid, "a stopped job")

    def foreground(self) -> int:
        return os.tcgetpgrp(self._terminal)

    def listen(self) -> str:
        """Return what it has said since the last call."""
        text = b""
        while select.select([self._terminal], [], [], 0)[0]:
            text += os.read(self._terminal, 65536)
        return text.decode(errors="replace")


def states(pid: int) -> str:
    """Return the states of a process's threads, each letter once."""
    found = {task.state for task in tasks.walk() if task.pid == pid}
    return "".join(sorted(found))


def container() -> int:
    """Start an init in a pid namespace; return its process id out here."""
    argv = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "1003"]
    outer = subprocess.Popen([*DIE_WITH_US, *argv])
    wait_until(lambda: _children(outer.pid), "an init in a namespace")
    return _children(outer.pid)[0]


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]
