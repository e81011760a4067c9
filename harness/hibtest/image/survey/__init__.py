"""All that can be told of an image by reading it once: what ``hibtest inspect`` says."""

from hibtest.image.agent import find
from hibtest.image.blocks import Blocks
from hibtest.image.header import ARMED_SIGNATURE
from hibtest.image.identify import contained
from hibtest.image.reader import check_offset
from hibtest.image.survey.agent import survey_agent
from hibtest.image.survey.found import Boots, Damage, Survey, Watcher
from hibtest.image.survey.kernel import survey_kernel, survey_stream

__all__ = ["Damage", "Survey", "Watcher", "survey_disk"]


def survey_disk(
    device: Blocks,
    *,
    offset: int = 0,
    boots: Boots = (),
    watch: Watcher | None = None,
    stream: bool = False,
) -> Survey:
    """Read the image that begins at a block, the kernel's or the agent's, or say what is there.

    :param offset: Block of the header.
    :param boots: The memory maps of one boot, or of two, the earlier one first.
    :param watch: Is shown every page.
    :param stream: Whether it is a raw stream of /dev/snapshot.
    :raise SpecError: When the offset lies outside the device.
    :raise HostError: When the disk cannot be read.
    """
    if not device.count and (container := contained(device)):
        return Survey(state="none", contains=container, offset=offset)
    check_offset(device, offset)
    if stream:
        return survey_stream(device, offset, boots, watch)
    armed = device.read_one(offset, "header").tobytes().endswith(ARMED_SIGNATURE)
    if not armed and (place := find(device, offset)):
        return survey_agent(place, boots, watch)
    return survey_kernel(device, offset, boots, watch)
