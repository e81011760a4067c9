"""The parts of a scenario's storage, put together."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hibtest.cycle.storage.part import NewDisk, Part
from hibtest.cycle.storage.roots import root_part, scratch_part
from hibtest.cycle.storage.swaps import swap_part
from hibtest.cycle.storage.targets import target_of, target_part
from hibtest.image.place import ImagePlace
from hibtest.machine.shape import Disk
from hibtest.spec import Fault, GuestFiles, Scenario, Target, WriteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """All that a scenario's guest is stored on.

    :ivar root: What its root filesystem stands on.
    :ivar swap: The swap that the kernel resumes from.
    :ivar beside: What else there is.
    :ivar image: The part that an image is written to.
    :ivar target: What the agent calls it; ``None`` when the kernel writes the image.
    :ivar faults: What goes wrong with the disks.
    """

    root: Part
    swap: Part
    beside: tuple[Part, ...]
    image: Part
    target: Target | None
    faults: tuple[Fault, ...]

    def make(self, files: GuestFiles, directory: Path) -> None:
        """Make the disks that a run writes to.

        :raise HostError: When there is no room, or a tool is missing.
        """
        for disk in self._own():
            disk.make(directory / disk.file, files)

    def disks(self, files: GuestFiles, directory: Path) -> tuple[Disk, ...]:
        """Return the disks of a machine, the same ones in the same order for all boots.

        Those of ``images`` stand behind root and swap.
        """
        fails_at = {f.serial: f.at_mib << 20 for f in self.faults if isinstance(f, WriteError)}
        modules = (files.modules,) if files.modules else ()

        def made(*parts: Part) -> Iterator[Disk]:
            for part in parts:
                for disk in part.disks:
                    yield disk.at(directory, fails_at.get(disk.serial))

        return (
            *made(self.root, self.swap),
            Disk(serial="toolbox", path=files.toolbox, readonly=True),
            *(Disk(serial="modules", path=path, readonly=True) for path in modules),
            *made(*self.beside),
        )

    def compared(self, directory: Path) -> tuple[Disk, ...]:
        """Return the disks that must not change after the snapshot."""
        return tuple(disk.at(directory) for disk in self._own() if disk.compared)

    def swap_in(self, directory: Path) -> ImagePlace:
        """Return the swap that the kernel resumes from."""
        return ImagePlace(path=directory / self.swap.file)

    def image_in(self, directory: Path) -> ImagePlace:
        """Return where the image lies."""
        return ImagePlace(
            path=directory / self.image.file,
            agent=self.target is not None,
            swap=self.image is self.swap,
        )

    def _own(self) -> Iterator[NewDisk]:
        for part in (self.root, self.swap, *self.beside):
            yield from part.disks


def storage_of(scenario: Scenario) -> Storage:
    """Return all that a scenario's guest is stored on."""
    target, swap, own = target_of(scenario), swap_part(scenario.layout), target_part(scenario)
    return Storage(
        root=root_part(scenario.guest.root),
        swap=swap,
        beside=(own, scratch_part(scenario.guest.root)),
        image=swap if target in {None, Target.SWAP} else own,
        target=target,
        faults=scenario.faults,
    )
