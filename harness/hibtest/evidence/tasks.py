"""The guest's tasks at the instant of the snapshot, as they stand in its memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A thread, of a process or of the kernel.

    :ivar pid: Its own number (the kernel's ``pid``), in the first PID namespace.
    :ivar process: Its process's number (the kernel's ``tgid``).
    :ivar name: What the kernel calls it (``comm``), up to 15 bytes.
    :ivar state: R, S, D, T, t, Z, X, P or I, as in /proc/PID/stat; F is frozen.
    :ivar kernel: Whether it is a thread of the kernel.
    """

    pid: int
    process: int
    name: str
    state: str
    kernel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A task whose memory was written to between the snapshot and the power-off.

    :ivar pages: How many pages of it: anonymous memory and mapped files, which it may write to.
    """

    task: Task
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RollCall:
    """Every task at the snapshot, and who wrote to memory after it.

    :ivar lacking: Why there is none; empty when there is one.
    :ivar tasks: Threads of processes.
    :ivar held: How many of them could not run: frozen, stopped, traced, or ended.
    :ivar saver: The one that hibernates, by the kernel's own mark; ``None``: none is marked.
    :ivar awake: Those, and threads of the kernel that are to be frozen, that were neither held nor
        the saver; some of them.
    :ivar awake_count: How many those are.
    :ivar writers: Processes other than the saver whose memory changed; some of them.
    """

    lacking: str = ""
    tasks: int = 0
    held: int = 0
    saver: Task | None = None
    awake: tuple[Task, ...] = ()
    awake_count: int = 0
    writers: tuple[Writer, ...] = ()
