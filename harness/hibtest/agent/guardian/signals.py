"""Signals, while there is something to undo: none ends a guardian but KILL, none stops it but STOP.

All are blocked, before the fork, and those that say something are waited for: there is no moment
without a handler. A fault of our own (SEGV, BUS, FPE, ILL) ends us even so
(force_sig_info_to_task()). What is blocked is kept, also where it would be ignored
(sig_ignored()), so SIGCHLD is not missed. Both in kernel/signal.c, 6.1 to 7.3.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
_OOM = Path("/proc/self/oom_score_adj")
_NEVER = "-1000"
_AGAIN = 1.0  # s


@contextmanager
def held() -> Iterator[frozenset[int]]:
    """Hold all signals back; give those that ask for an end and are not ignored.

    What came meanwhile was meant for the save, and is dropped with it.
    """
    ends = frozenset(one for one in ENDS if signal.getsignal(one) != signal.SIG_IGN)
    child = signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, nobody could wait for it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield ends
    finally:
        while signal.sigtimedwait(signal.valid_signals(), 0):
            pass
        signal.signal(signal.SIGCHLD, child)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def spared() -> Iterator[None]:
    """Be the last whom the kernel kills for memory, where we may; children are, too."""
    before = _OOM.read_text()
    with suppress(OSError):  # only root may
        _OOM.write_text(_NEVER)
    try:
        yield
    finally:
        with suppress(OSError):
            _OOM.write_text(before)


def of_worker(ends: frozenset[int], guardian: int) -> None:
    """Let the worker end when it is asked to, and with its guardian; nothing else reaches it."""
    for one in ends:
        signal.signal(one, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guardian:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)


def wait(worker: int, ends: frozenset[int]) -> int:
    """Wait until the worker has ended; return its status as ``os.waitpid`` does.

    A worker that is stopped goes on: nobody else is left who could continue it.
    """
    while True:
        pid, raw = os.waitpid(worker, os.WNOHANG | os.WUNTRACED)
        if pid and os.WIFSTOPPED(raw):
            os.kill(worker, signal.SIGCONT)
        elif pid:
            return raw
        # not for ever: a thread that blocks nothing, of whoever imports us, may take a signal
        came = signal.sigtimedwait(ends | {signal.SIGCHLD}, _AGAIN)
        if came is not None and came.si_signo in ends:
            os.kill(worker, signal.SIGKILL)
