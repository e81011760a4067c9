"""How ``hibtest inspect`` words what it found of an image of the userspace agent."""

from collections.abc import Iterator
from pathlib import Path

from harness.evidence import AgentImage
from harness.image.damage import Damaged
from harness.image.place import ImagePlace

_STATES = {
    "committed": "an image of the agent: the next boot with it would resume",
    "used": "an image of the agent that was resumed from, or withdrawn",
    "refused": "an image of the agent that was refused: it is not what was written",
}
_REUSED = "an image of the agent that was resumed from; the swap was used since"
_PAGE = 4096


def find(path: Path) -> tuple[ImagePlace, AgentImage] | None:
    """Return the agent's image on a raw disk or in a file, with where it lies, if there is one.

    :raise HostError: When the disk cannot be read.
    :raise Damaged: When its record cannot be read as it should be.
    """
    for swap in (False, True):
        place = ImagePlace(path=path, agent=True, swap=swap)
        image = place.look()
        if image is not None and image.state != "none":
            return place, image
    return None


def damage(place: ImagePlace) -> str:
    """Read all of an image; return what is wrong with it, empty when nothing is.

    What was resumed from a swap is nobody's any more, and not damaged.

    :raise HostError: When the disk cannot be read.
    """
    try:
        with place.open(consumed=True) as image:
            for _ in image.chunks():
                pass
    except Damaged as error:
        return error.message
    return ""


def lines(name: str, place: ImagePlace, image: AgentImage, wrong: str) -> Iterator[str]:
    """Yield what was found as lines for people."""
    facts = image.facts
    size = max(1, facts["pages"]) * _PAGE
    where = "slots of a swap" if place.swap else "a target of its own"
    reused = wrong and place.swap and image.state == "used"
    damaged = "DAMAGED: " if wrong and not reused else ""
    yield f"{name}: {damaged}{_REUSED if reused else _STATES[image.state]}"
    if damaged:
        yield f"  damage        {wrong}"
    yield f"  in            {where}"
    yield f"  of            kernel {facts.get('release', '?')}, boot {facts.get('boot_id', '?')}"
    yield f"  size          {facts['pages']} pages, {size >> 20} MiB"
    yield f"  stored        {facts['stored'] >> 20} MiB, {facts['stored'] / size:.2f} of it"
    yield f"  compressor    {facts['codec']}"
    said = "" if wrong else ", all right"
    yield f"  checksums     {facts['checksum']}, {facts['chunks']} frames{said}"
    yield f"  power-off     {facts.get('mode', '?')}"
