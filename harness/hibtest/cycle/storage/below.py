"""What a layer stands on, as many times as it needs it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from hibtest.cycle.storage.part import Part


@dataclass(frozen=True)
class Below:
    """What a layer stands on.

    :ivar make: Returns it, on a disk of a serial number.
    :ivar serial: The first one's.
    :ivar level: How many layers there are in it.
    """

    make: Callable[[str], Part]
    serial: str
    level: int = 0

    @cached_property
    def first(self) -> Part:
        """The one that is there in any case."""
        return self.make(self.serial)

    def beside(self, tag: str) -> Part:
        """Return the same once more, on a disk of its own.

        :param tag: Distinguishes its serial number; two layers of a stack may give the same one.
        """
        return self.make(f"{self.serial}_{tag}{self.level or ''}")


def mapped(below: Part, name: str, table: str, *drivers: str) -> Part:
    """Return a part with one target upon it, which is as large and hides nothing.

    :param table: The target's line behind start and length: its type and arguments.
    :param drivers: Modules beside the device mapper's own.
    """
    steps = (f"drivers {' '.join(('dm-mod', *drivers))}", create(name, sectors(below), table))
    return below.on(*steps, device=f"/dev/mapper/{name}")


def create(name: str, length: str, table: str) -> str:
    """Return the step that makes a device of one target.

    :param length: Its sectors, in shell.
    """
    return f'echo "0 {length} {table}" | tool dmsetup create {name}'


def sectors(part: Part, chunk: int = 1) -> str:
    """Return in shell how many sectors a device has, in whole chunks of so many."""
    all_ = f"$(sectors {part.device})"
    return all_ if chunk == 1 else f"$(({all_} / {chunk} * {chunk}))"
