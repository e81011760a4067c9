"""Where a run's image lies, and how it is opened: by its writer."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from hibtest.evidence import AgentImage, SwapHeader
from hibtest.image.agent import open_agent_image, read_agent_image
from hibtest.image.header import read_header
from hibtest.image.reader import Image, open_image


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlace:
    """The file that holds an image once a machine has hibernated.

    :ivar path: A raw disk, or an image server's file.
    :ivar agent: Whether our agent writes it, and not the kernel.
    :ivar swap: Whether it lies in a swap.
    """

    path: Path
    agent: bool = False
    swap: bool = True

    def open(self, *, consumed: bool = False) -> AbstractContextManager[Image]:
        """Open it.

        :param consumed: Also when it was resumed from.
        :raise SpecError: When there is none.
        :raise HostError: When it cannot be read.
        :raise Damaged: When it is not as it should be.
        """
        if self.agent:
            return open_agent_image(self.path, swap=self.swap, consumed=consumed)
        return open_image(self.path, consumed=consumed)

    def header(self) -> SwapHeader:
        """Return the swap's header.

        :raise SpecError: When the disk has no such page.
        :raise HostError: When it cannot be read.
        """
        return read_header(self.path)

    def look(self) -> AgentImage | None:
        """Return what the agent's target holds; ``None`` when the kernel writes the image.

        :raise HostError: When it cannot be read.
        """
        if not self.agent:
            return None
        if not self.path.exists():
            return AgentImage(state="none")
        return read_agent_image(self.path, swap=self.swap)
