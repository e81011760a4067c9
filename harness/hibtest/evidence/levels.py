"""What a guest has in use, once in each life: what must not grow with every hibernation."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What is in use after a resume, before anything else is looked at. Memory is in KiB.

    :ivar free: ``MemFree`` of /proc/meminfo; ``available``: ``MemAvailable``.
    :ivar slab: ``SUnreclaim``.
    :ivar used: Memory that is neither free nor can be had back, swapped out or not: all but free
        pages, page cache and slabs that can be reclaimed.
    :ivar swap: Swap in use; ``nobodys``: by neither a process, the swap cache nor a tmpfs.
    :ivar files: Open files of the whole system: the first number of /proc/sys/fs/file-nr, which
        may be off by 32 for each CPU.
    :ivar own: Descriptors of the witness daemon and its children.
    :ivar realtime: Clocks of the guest, in seconds, as ``monotonic`` and ``boottime``.
    :ivar rtc: Its real time clock, in seconds since 1970; ``None``: it has none.
    :ivar host: The host's CLOCK_REALTIME before the guest was asked, and after it had answered.
    """

    free: int
    available: int
    slab: int
    used: int
    swap: int
    nobodys: int
    files: int
    own: int
    realtime: float
    monotonic: float
    boottime: float
    rtc: int | None
    host: tuple[float, float] = (0.0, 0.0)
