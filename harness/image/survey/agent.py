"""All that can be told of an image of the userspace agent by reading it once."""

from dataclasses import replace

from harness.image.agent import AgentPlace, known, read_image
from harness.image.damage import Damaged
from harness.image.header import PAGE_SIZE
from harness.image.survey.found import ByAgent, Survey, Watcher, through, told, with_boot

_STATES = {"committed": "armed", "used": "consumed", "refused": "refused"}


def survey_agent(
    place: AgentPlace, *, boot: frozenset[int] | None = None, watch: Watcher | None = None
) -> Survey:
    """Read an image of the agent; see :func:`harness.image.survey.survey_disk`."""
    by_agent = ByAgent(swap=place.swap, facts={})
    found = Survey(state=_STATES[place.state()], offset=place.offset, by_agent=by_agent)
    try:
        facts = known(place.record()).facts
        found = replace(
            found,
            by_agent=replace(by_agent, facts=facts),
            codec=facts["codec"],
            stored_blocks=-(-facts["stored"] // PAGE_SIZE),
        )
        found = through(found, read_image(place, consumed=True), watch)
    except Damaged as damage:
        found = replace(found, damage=told(damage))
    if found.state == "consumed" and not found.sound:
        found = replace(found, state="remains")
    return with_boot(found, boot)
