"""Where a run's image lies, and how it is opened: by its writer."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hibtest.errors import SpecError
from hibtest.evidence import AgentImage, SwapHeader
from hibtest.image.agent import AgentPlace, known
from hibtest.image.agent import read_image as read_agent_image
from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.header import parse_header
from hibtest.image.reader import Image, check_offset, read_image
from hibtest.image.through import View, seen


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlace:
    """Where an image lies once a machine has hibernated.

    :ivar path: A raw disk, or an image server's file.
    :ivar agent: Whether our agent writes it, and not the kernel.
    :ivar swap: Whether it lies in a swap.
    :ivar offset: Page of the device at which the swap's header lies; ``None``: it is not known.
    :ivar views: What the disk is seen through, one upon the other: each raises as :meth:`open`
        does when there is no such thing.
    """

    path: Path
    agent: bool = False
    swap: bool = True
    offset: int | None = 0
    views: tuple[View, ...] = ()

    @contextmanager
    def open(self, *, consumed: bool = False) -> Iterator[Image]:
        """Open it.

        :param consumed: Also when it was resumed from.
        :raise SpecError: When there is none.
        :raise HostError: When it cannot be read.
        :raise Damaged: When it is not as it should be.
        """
        with self._device() as (device, offset):
            if self.agent:
                place = AgentPlace(device=device, swap=self.swap, offset=offset)
                yield read_agent_image(place, consumed=consumed)
            else:
                yield read_image(device, offset_pages=offset, consumed=consumed)

    def header(self) -> SwapHeader | None:
        """Return the swap's header; ``None`` when there is no page where it should lie.

        What it lies on may not be there, or be damaged, or end before it.

        :raise HostError: When it cannot be read.
        """
        with self._perhaps() as found:
            if found is None:
                return None
            device, offset = found
            try:
                page = device.read_one(offset, "header")
            except Damaged:
                return None
            return parse_header(page.tobytes())

    def waits(self) -> bool:
        """Return whether the next boot would find an image to resume from.

        :raise HostError: When it cannot be read.
        """
        if not self.agent:
            header = self.header()
            return header is not None and header.armed
        try:
            found = self.look()
        except Damaged:
            return False
        return found is not None and found.armed

    def look(self) -> AgentImage | None:
        """Return what the agent's target holds; ``None`` when the kernel writes the image.

        :raise HostError: When it cannot be read.
        :raise Damaged: When its record cannot be read as it should be.
        """
        if not self.agent:
            return None
        if not self.path.exists():
            return AgentImage(state="none")
        with self._perhaps() as found:
            try:
                if found is not None:
                    device, offset = found
                    return known(AgentPlace(device=device, swap=self.swap, offset=offset).record())
            except SpecError:
                pass  # none of the agent's
        return AgentImage(state="none")

    @contextmanager
    def _perhaps(self) -> Iterator[tuple[Blocks, int] | None]:
        """Open the device; ``None`` when what it lies on cannot be opened, or ends before it."""
        if self.offset is None:
            yield None
            return
        with ExitStack() as opened:
            found = None
            with suppress(SpecError, Damaged):
                found = opened.enter_context(self._seen()), self.offset
            yield found

    @contextmanager
    def _device(self) -> Iterator[tuple[Blocks, int]]:
        if self.offset is None:
            raise SpecError(f"{self.path}: the guest has not told where in it its swap file lies")
        with self._seen() as device:
            yield device, self.offset

    @contextmanager
    def _seen(self) -> Iterator[Blocks]:
        """Open the device that a disk comes to, which has the page where an image begins."""
        with seen(self.path, self.views) as device:
            check_offset(device, self.offset or 0)
            yield device
