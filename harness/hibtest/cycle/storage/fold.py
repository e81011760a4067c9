"""The parts of a scenario's storage, put together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hibtest.cycle.storage.data import data_part
from hibtest.cycle.storage.part import NewDisk, Part, Stored
from hibtest.cycle.storage.plan import AGAIN, PLAN, WORDS, plan_disk, script
from hibtest.cycle.storage.roots import root_part, scratch_part, spare_disks
from hibtest.cycle.storage.swaps import swap_parts
from hibtest.cycle.storage.targets import target_of, target_part
from hibtest.image.place import ImagePlace
from hibtest.machine.shape import Disk
from hibtest.spec import GuestFiles, Scenario, Target

NOT_TOLD = "OFFSET"  # as a plan prints what the guest tells in its first boot


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """All that a scenario's guest is stored on.

    :ivar root: What its root filesystem stands on.
    :ivar swaps: Its swaps; the kernel resumes from the first.
    :ivar beside: What else there is.
    :ivar spare: Disks that only some boots may have.
    :ivar image: The part that an image is written to, if there is any.
    :ivar target: What the agent calls it; ``None`` when the kernel writes the image.
    """

    root: Part
    swaps: tuple[Part, ...]
    beside: tuple[Part, ...]
    spare: tuple[NewDisk, ...]
    image: Part | None
    target: Target | None

    @property
    def swap(self) -> Part | None:
        """The swap that the kernel resumes from."""
        return self.swaps[0] if self.swaps else None

    @property
    def script(self) -> str:
        """What early userspace and the guest's init do for it, as shell functions."""
        return script(self._parts())

    def make(self, files: GuestFiles, directory: Path) -> None:
        """Make the disks that a run writes to.

        :raise HostError: When there is no room, or a tool is missing.
        """
        for disk in self._made():
            disk.make(directory / disk.file, files)

    def disks(
        self, files: GuestFiles, directory: Path, others: Iterable[GuestFiles] = ()
    ) -> tuple[Disk, ...]:
        """Return the disks of a machine, the same ones in the same order for all boots.

        Those of ``images`` stand behind root and swaps.

        :param others: What is booted of other kernels in some of them.
        """
        kernels = (("modules", files), *((modules_of(one.kernel_name), one) for one in others))
        made = [disk.at(directory) for disk in self._own()]
        before = sum(len(part.disks) for part in (self.root, *self.swaps))
        return (
            *made[:before],
            Disk(serial="toolbox", path=files.toolbox, readonly=True),
            *(
                Disk(serial=serial, path=one.modules, readonly=True)
                for serial, one in kernels
                if one.modules
            ),
            *made[before:],
        )

    def more(self, directory: Path) -> tuple[Disk, ...]:
        """Return the disks that only some boots have, if any does."""
        return tuple(disk.at(directory) for disk in self.spare)

    def missing(self, directory: Path) -> tuple[Path, ...]:
        """Return the disks that are not in a run's directory."""
        paths = (directory / disk.file for disk in self._made())
        return tuple(path for path in paths if not path.exists())

    def compared(self, directory: Path) -> tuple[Disk, ...]:
        """Return the disks that must not change after the snapshot."""
        return tuple(disk.at(directory) for disk in self._own() if disk.compared)

    def filesystems(self, files: GuestFiles, directory: Path) -> Iterator[Stored]:
        """Yield the disks that have a filesystem, or might.

        One that an image is written to might show anything.
        """
        for part in self._parts():
            if not part.filesystem and (part.views or part is self.image):
                continue
            for disk in part.disks[:1]:
                if not disk.readonly:
                    yield Stored(
                        disk=disk.at(directory),
                        views=part.views,
                        before=files.root if part is self.root else None,
                        meant=part.filesystem,
                    )

    def swap_in(self, directory: Path, told: int | None) -> ImagePlace | None:
        """Return the swap that the kernel resumes from, if the host can look at it.

        :param told: The offset that the guest has told, if it has.
        """
        if self.swap is None or not self.swap.file:
            return None
        return _place(self.swap, directory, told, swap=True)

    def image_in(self, directory: Path, told: int | None) -> ImagePlace | None:
        """Return where the image lies; see :meth:`swap_in`."""
        if self.image is None:
            return None
        agent, swap = self.target is not None, self.image is self.swap
        return _place(self.image, directory, told, agent=agent, swap=swap)

    def moved(self, *, told: bool) -> str:
        """Return the shell, of a guest that is up, that makes the first swap, a file, anew.

        :param told: Whether its kernel is told where it lies then; the console always is.
        """
        part, word = self.swap or Part(), "tell_offset" if told else "say_offset"
        steps = f"{AGAIN} && {word} {part.swap} {part.device}"
        return f"{{ . {WORDS} && . {PLAN} && {steps}; }} >/dev/console 2>&1"

    def save_word(self, server: str) -> str:
        """Return where an image is written to, as the agent takes it.

        :param server: ``HOST:PORT`` of the image server as the guest sees it.
        """
        return self._word(server, self.image.swap if self.image else "")

    def image_word(self, server: str, told: int | None) -> str:
        """Return where an image lies, as the agent takes it in early userspace.

        :param told: The offset that the guest has told, if it has.
        """
        part = self.image or Part()
        offset = _offset(part, told)
        at = NOT_TOLD if offset is None else offset
        return self._word(server, f"{part.device}@{at}" if at else part.device)

    def _word(self, server: str, name: str) -> str:
        where = server if self.target is Target.SERVER else name
        return f"{self.target}:{where}"

    def _parts(self) -> Iterator[Part]:
        yield from (self.root, *self.swaps, *self.beside)

    def _made(self) -> Iterator[NewDisk]:
        yield from self._own()
        yield from self.spare

    def _own(self) -> Iterator[NewDisk]:
        for part in self._parts():
            yield from part.disks
        yield plan_disk(self._parts())


def _place(
    part: Part, directory: Path, told: int | None, *, swap: bool, agent: bool = False
) -> ImagePlace:
    return ImagePlace(
        path=directory / part.file,
        agent=agent,
        swap=swap,
        offset=_offset(part, told),
        views=part.views,
    )


def _offset(part: Part, told: int | None) -> int | None:
    return told if part.offset is None else part.offset


def modules_of(kernel: str) -> str:
    """Return the serial of the disk with the modules of another kernel than the guest's own."""
    return f"modules-{kernel}"[:20]


def storage_of(scenario: Scenario) -> Storage:
    """Return all that a scenario's guest is stored on.

    :raise SpecError: When it cannot be built.
    """
    target, own = target_of(scenario), target_part(scenario)
    swaps = swap_parts(scenario)
    in_swap = target in {None, Target.SWAP}
    return Storage(
        root=root_part(scenario.guest),
        swaps=swaps,
        beside=(own, scratch_part(scenario.guest.scratch_mib), data_part(scenario.guest.data)),
        spare=spare_disks(max(scenario.guest.more_disks, scenario.resume.more_disks or 0)),
        image=own if not in_swap else swaps[0] if swaps and swaps[0].file else None,
        target=target,
    )
