"""Carries out cases that come through a port, each in a process of its own.

To start Python anew for each case would take longer than most of them do. A case is a JSON line
``{"steps": [...], "limit": seconds}``; for each step a line ``{"answer": ...}`` comes back, then
``{"log": [...]}`` with what the kernel has said, and last ``{"ended": wait status}``. A case that
freezes everything freezes this server, too; when its process ends, however it does, the kernel
lets go of what it held.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hibtest.probe import syscalls
from hibtest.probe.detached import detach, run
from hibtest.probe.examiner import reap
from hibtest.probe.snapshotdev.session import Session, check

PORT = 971
LOG = "device.log"
MCL_CURRENT, MCL_FUTURE = 1, 2
_KMSG_RECORD = 8192  # PRINTKRB_RECORD_MAX and its header, kernel/printk/printk.c


def start(run_: Path) -> None:
    """Start the server; it can be connected to from now on."""
    listener = socket.create_server(("127.0.0.1", PORT))
    detach(lambda: serve(listener), run_ / LOG)
    listener.close()


def serve(listener: socket.socket) -> None:
    """Carry out a case for every connection, for ever."""
    gc.disable()
    while True:
        connection, _peer = listener.accept()
        reap()
        attend(connection)


def attend(connection: socket.socket) -> None:
    """Leave a connection to a process of its own."""
    if os.fork() == 0:
        run(lambda: supervise(connection))
    connection.close()


def supervise(connection: socket.socket) -> None:
    """Have the case that comes through a connection carried out, and tell how that ended."""
    with connection, connection.makefile("r") as lines:
        case = json.loads(lines.readline())
        check(case["steps"])
        pid = os.fork()
        if pid == 0:
            run(lambda: carry_out(case, connection.fileno()))
        _, status = os.waitpid(pid, 0)
        tell(connection.fileno(), ended=status)


def carry_out(case: dict[str, Any], out: int) -> None:
    """Carry out the steps of a case; SIGALRM ends it when it takes longer than it may."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(case["limit"]))
    kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.lseek(kmsg, 0, os.SEEK_END)
    session = Session()
    syscalls.check(syscalls.LIBC.mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall")
    for step in case["steps"]:
        tell(out, answer=session.do(step))
    session.end()
    tell(out, log=list(said(kmsg)))


def said(kmsg: int) -> Iterator[str]:
    """Yield what the kernel has said since a descriptor's position."""
    while True:
        try:
            record = os.read(kmsg, _KMSG_RECORD)
        except BlockingIOError:
            return
        except BrokenPipeError:  # the oldest were overwritten: go on with the next
            continue
        yield record.partition(b";")[2].partition(b"\n")[0].decode(errors="replace")


def tell(out: int, **facts: Any) -> None:
    """Write a JSON line."""
    line = json.dumps(facts).encode() + b"\n"
    while line:
        line = line[os.write(out, line) :]
