"""All that can be told of an image of the userspace agent by reading it once."""

from dataclasses import replace
from typing import Any

from hibtest.image.agent import AgentPlace, known, read_image
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.survey.found import (
    Boots,
    ByAgent,
    Survey,
    Watcher,
    remaining,
    through,
    told,
    with_boots,
)
from hibtest.story.foretold import Reply

_AGENT = ("the agent",)
_STATES = {"committed": "armed", "used": "consumed", "refused": "refused"}


def survey_agent(place: AgentPlace, boots: Boots, watch: Watcher | None) -> Survey:
    """Read an image of the agent; see :func:`hibtest.image.survey.survey_disk`."""
    facts: dict[str, Any] = {}
    by_agent = ByAgent(swap=place.swap, facts=facts)
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
    found = with_boots(remaining(found), boots)
    return replace(found, replies=(_reply(found, facts),))


def _reply(found: Survey, facts: dict[str, Any]) -> Reply:
    """Return what a resume would come to: hibtest/agent/resume.py, and the kernel's own checks."""
    if found.state != "armed":
        return Reply(kernels=_AGENT, note="nobody resumes from it any more")
    if found.damage:
        return Reply(kernels=_AGENT, note="and marks the image, so that it is not tried again")
    if found.e820_matches is False:
        return Reply(kernels=_AGENT, note="the kernel takes no page: another memory map")
    map_ = "" if found.e820_matches else "the same memory map, "
    release = facts.get("release", "?")
    note = f"if the machine runs kernel {release} and has {map_}as much memory"
    return Reply(kernels=_AGENT, result="resumes", note=note)
