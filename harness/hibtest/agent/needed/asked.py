"""What only the running kernel answers: the peers of Unix sockets, the targets of dm devices."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from hibtest.agent.needed.tree import Tree
from hibtest.linux.dm import Control

# linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h: the same from 6.1 to 7.3
SOCK_DIAG, BY_FAMILY, DUMP, DONE, ERROR = 4, 20, 0x301, 3, 2
HEADER, REQUEST = struct.Struct("=IHHII"), struct.Struct("=BBHIIIII")
MESSAGE, ATTRIBUTE = struct.Struct("=BBBBIII"), struct.Struct("=HH")
SHOW_PEER, PEER = 4, 2


class Asked(NamedTuple):
    """What the kernel said.

    :ivar unix_peers: Inode of a socket -> inode of its other end.
    :ivar targets: Name of a device of device mapper -> its targets, ``type parameters`` each.
    :ivar notes: What it did not say.
    """

    unix_peers: Mapping[str, str] = MappingProxyType({})
    targets: Mapping[str, list[str]] = MappingProxyType({})
    notes: tuple[str, ...] = ()


def ask(tree: Tree) -> Asked:
    """Ask the running kernel."""
    notes = []
    peers: dict[str, str] = {}
    targets: dict[str, list[str]] = {}
    try:
        peers = dict(unix_peers())
    except OSError as error:
        notes.append(f"the other ends of Unix sockets are unknown: sock_diag: {error.strerror}")
    names = [tree.text(f"/sys/block/{one}/dm/name") for one in tree.names("/sys/block")]
    try:
        targets = tables([name for name in names if name])
    except OSError as error:
        notes.append(f"the targets of device-mapper devices are unknown: {error.strerror}")
    return Asked(peers, targets, tuple(notes))


def unix_peers() -> Iterator[tuple[str, str]]:
    """Yield the pairs of connected Unix sockets of this network namespace.

    :raise OSError: When the kernel has no unix_diag.
    """
    body = REQUEST.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, SHOW_PEER, 0xFFFFFFFF, 0xFFFFFFFF)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, SOCK_DIAG) as link:
        link.send(HEADER.pack(HEADER.size + len(body), BY_FAMILY, DUMP, 1, 0) + body)
        while True:
            data = link.recv(1 << 16)
            while data:
                size, kind, _, _, _ = HEADER.unpack_from(data)
                if kind == DONE:
                    return
                if kind == ERROR:
                    number = -struct.unpack_from("=i", data, HEADER.size)[0]
                    raise OSError(number, os.strerror(number))
                yield from peer(data[HEADER.size : size])
                data = data[(size + 3) & ~3 :]


def peer(message: bytes) -> Iterator[tuple[str, str]]:
    inode = MESSAGE.unpack_from(message)[4]
    at = MESSAGE.size
    while at + ATTRIBUTE.size <= len(message):
        size, kind = ATTRIBUTE.unpack_from(message, at)
        if kind == PEER:
            yield str(inode), str(struct.unpack_from("=I", message, at + ATTRIBUTE.size)[0])
        at += max((size + 3) & ~3, ATTRIBUTE.size)


def tables(names: list[str]) -> dict[str, list[str]]:
    """Return the targets of devices of device mapper: asking writes nothing and waits for nothing.

    :raise OSError: When its control device cannot be opened.
    """
    if not names:
        return {}
    with Control() as control:
        return {name: table(control, name) for name in names}


def table(control: Control, name: str) -> list[str]:
    try:
        return [f"{target.kind} {target.params}".strip() for target in control.table(name)]
    except OSError:
        return []  # it went away
