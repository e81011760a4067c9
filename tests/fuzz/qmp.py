"""What a monitor's other end says, by chance: it is told as QEMU's fault, or understood."""

import json
import logging
import random
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hibtest.deadline import Deadline
from hibtest.errors import QemuError
from hibtest.machine.monitor import connect

HELLO = (
    b'{"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}, "package": ""},'
    b' "capabilities": []}}\n{"return": {}}\n'
)
_VALUES: tuple[Any, ...] = (0, -1, 1 << 70, "", "x", "\ud800", None, True, [], {}, [[]], 1e308)
_NAMES = ("event", "data", "timestamp", "return", "error", "id", "QMP", "class", "desc")


def monitor(rng: random.Random) -> None:
    """Have the other end of a monitor say anything, then hang up."""
    logging.disable()  # what the library logs of it no report can carry: lone surrogates
    try:
        _monitor(rng)
    finally:
        logging.disable(logging.NOTSET)


def _monitor(rng: random.Random) -> None:
    ours, qemus = socket.socketpair()
    with tempfile.TemporaryDirectory() as directory, ours, qemus:
        said = b"".join(_message(rng) for _ in range(rng.randrange(4)))
        qemus.sendall(said + HELLO if rng.random() < 0.2 else HELLO + said)
        qemus.shutdown(socket.SHUT_WR)
        soon = Deadline.after(60, "the monitor")
        with suppress(QemuError), connect(ours, Path(directory) / "log", soon) as connected:
            with suppress(QemuError):
                connected.execute("query-status", deadline=soon)
            connected.events()


def _message(rng: random.Random) -> bytes:
    how = rng.randrange(8)
    if how == 0:
        return rng.randbytes(rng.randrange(40)) + b"\n"
    if how == 1:
        return rng.choice((b"[" * 5000, b"{", b"null", b"7", b"[]", b'"x"', b"")) + b"\n"
    names = rng.sample(_NAMES, rng.randrange(1, 4))
    message: dict[str, Any] = {name: rng.choice(_VALUES) for name in names}
    if rng.random() < 0.3:
        message["id"] = f"__qmp#{rng.randrange(3):05d}"
    line = json.dumps(message)
    return (line[: rng.randrange(len(line))] if how == 2 else line).encode() + b"\n"
