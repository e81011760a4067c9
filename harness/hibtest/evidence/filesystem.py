"""What the host found when it looked at a guest's filesystems with the power off."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesystemCheck:
    """A disk on which a filesystem is, looked at after the run's last boot.

    What is told is what the same check did not tell before the run.

    :ivar disk: Its serial number.
    :ivar kind: Which filesystem, such as ``ext4``; empty: there is none.
    :ivar count: How many problems it has, its journal having been replayed on a copy.
    :ivar more: Whether there are more, which were not counted.
    :ivar problems: The first of them, in the words of the program that looked.
    :ivar before: How many there were before the run.
    :ivar lacking: Why nobody looked, or what came of it; empty when all is known.
    :ivar seconds: How long it took.
    """

    disk: str
    kind: str = ""
    count: int = 0
    more: bool = False
    problems: tuple[str, ...] = ()
    before: int = 0
    lacking: str = ""
    seconds: float = 0.0
