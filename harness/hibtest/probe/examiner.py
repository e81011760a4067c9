"""A server that carries out the probe's commands after a resume without starting Python anew.

In a machine that has just resumed nothing is translated and little is in a cache: to start
Python and import the probe takes longer than all that the commands do. This process did so
before the hibernation; it forks for every command that comes through its port.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from hibtest.probe.detached import detach, run

# On the loopback device only, reached through the SSH connection. Below 1024, so that no other
# process of the guest is given it by chance.
PORT = 970
LOG = "examiner.log"

# Carries out a command whose output is standard output; returns its exit status.
Main = Callable[[list[str]], int]


def start(run_: Path, main: Main) -> None:
    """Start the server; it is connected to from now on, and answers once it is ready."""
    listener = socket.create_server(("127.0.0.1", PORT))
    detach(lambda: serve(listener, main), run_ / LOG)
    listener.close()


def serve(listener: socket.socket, main: Main) -> None:
    """Carry out a command for every connection, for ever."""
    from hibtest.probe import levels
    from hibtest.probe.audit import before, runner, table

    # What is imported here is in every child.
    _ = before, levels, runner, table
    while True:
        connection, _peer = listener.accept()
        reap()
        answer(connection, main)


def answer(connection: socket.socket, main: Main) -> None:
    """Carry out the command that comes through a connection in a child."""
    if os.fork() == 0:
        run(lambda: carry_out(connection, main))
    connection.close()


def reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def carry_out(connection: socket.socket, main: Main) -> None:
    """Carry out the command that one line names; end what it prints with its status."""
    with connection, connection.makefile("r") as lines:
        command = lines.readline().split()
        os.dup2(connection.fileno(), 1)
        status = main(command)
        os.write(1, b'{"status": %d}\n' % status)
