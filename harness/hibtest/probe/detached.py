"""Processes that outlive the SSH session which started them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from hibtest.probe import syscalls


def detach(work: Callable[[], None], log: Path) -> None:
    """Run ``work`` in a process of its own, in a session of its own, a child of init.

    Its standard output and error go to the file ``log``. Returns when it has been started.
    """
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    redirect(log)
    run(work)


def stay(note: Path, text: str) -> NoReturn:
    """Write a note, whole or not there, and then do nothing until killed."""
    part = note.with_suffix(".part")
    part.write_text(text)
    part.rename(note)
    while True:
        signal.pause()


def child(work: Callable[[], None]) -> int:
    """Run ``work`` in a child that dies with this process; return the child's number."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        syscalls.die_with_parent(parent)
        run(work)
    return pid


def redirect(log: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(null)
    os.close(out)


def run(work: Callable[[], None]) -> NoReturn:
    """Run ``work`` and end this process: in a forked child nothing may return to its caller."""
    status = 1
    try:
        work()
        status = 0
    finally:
        if status:
            import traceback

            traceback.print_exc()  # standard error of such a process is a file
        sys.stderr.flush()
        os._exit(status)
