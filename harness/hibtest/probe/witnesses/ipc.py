"""The witness in System V IPC: shared memory, a message queue and semaphores."""

from __future__ import annotations

import ctypes
import struct
import zlib

from hibtest.probe import pages, syscalls
from hibtest.probe.base import Facts, Lacking, Planted, Witness

# include/uapi/linux/ipc.h, sem.h
IPC_CREAT, IPC_NOWAIT, GETVAL, SETVAL = 0o1000, 0o4000, 12, 16
SIZE = 16 * pages.SIZE
VALUES = (3, 1, 250)


def sysv() -> Planted:
    """System V IPC.

    Planted and found: ``{"ids": [shm, msg, sem], "memory_crc", "message_crc", "semaphores"}``.
    """
    libc = syscalls.LIBC
    if not hasattr(libc, "shmget"):
        raise Lacking("no System V IPC in this C library")
    shm = syscalls.check(libc.shmget(0, ctypes.c_size_t(SIZE), IPC_CREAT | 0o600), "shmget")
    msg = syscalls.check(libc.msgget(0, IPC_CREAT | 0o600), "msgget")
    sem = syscalls.check(libc.semget(0, len(VALUES), IPC_CREAT | 0o600), "semget")
    libc.shmat.restype = ctypes.c_void_p
    start = libc.shmat(shm, None, 0)
    ctypes.memmove(start, pages.content(16, 20), SIZE)
    for number, value in enumerate(VALUES):
        syscalls.check(libc.semctl(sem, number, SETVAL, ctypes.c_long(value)), "semctl")
    message = struct.pack("l", 1) + pages.content(1, 21)[:2000]
    send(msg, message)

    def look() -> Facts:
        text = receive(msg)
        send(msg, message)
        return {
            "ids": [shm, msg, sem],
            "memory_crc": zlib.crc32(ctypes.string_at(start, SIZE)),
            "message_crc": zlib.crc32(text),
            "semaphores": [libc.semctl(sem, number, GETVAL) for number in range(len(VALUES))],
        }

    return Planted(look(), look)


def send(queue: int, message: bytes) -> None:
    size = ctypes.c_size_t(len(message) - 8)
    syscalls.check(syscalls.LIBC.msgsnd(queue, message, size, IPC_NOWAIT), "msgsnd")


def receive(queue: int) -> bytes:
    buffer = ctypes.create_string_buffer(8192)
    size, kind = ctypes.c_size_t(8184), ctypes.c_long(0)
    got = syscalls.LIBC.msgrcv(queue, buffer, size, kind, IPC_NOWAIT)
    return buffer.raw[8 : 8 + syscalls.check(got, "msgrcv")]


WITNESSES = (Witness("sysv-ipc", sysv, private=False),)
