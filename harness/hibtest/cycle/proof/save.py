"""The proof of a save: the image on the disk against memory at the snapshot."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hibtest.cycle.proof.compare import compare
from hibtest.cycle.proof.explain import Differences
from hibtest.cycle.proof.pages import Memory, Numbers, pages_of
from hibtest.cycle.proof.relations import Time, Whole
from hibtest.cycle.proof.snapshot import Snapshot
from hibtest.errors import SpecError
from hibtest.evidence import ImageFacts, Ledger, SaveProof
from hibtest.image.compare import differing
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.ledger import account
from hibtest.image.place import ImagePlace
from hibtest.image.reader import Image

_LATER = "later contents: as at the power-off"


@dataclass(frozen=True, slots=True)
class Since:
    """The guest's memory at its power-off, and the PFNs of what was written to until then."""

    now: Memory
    pfns: Numbers


def prove_save(snapshot: Snapshot, place: ImagePlace, since: Since | None = None) -> SaveProof:
    """Compare the image on a disk with the memory it was made of.

    :param place: Where the image lies; the machine is off.
    :param since: What was written to until the power-off (:func:`written_since`).
    :raise HostError: When the disk cannot be read.
    """
    later = () if since is None else (Whole(_LATER, since.now),)
    changed = None if since is None else since.pfns
    proof = SaveProof(
        changed=None if changed is None else len(changed),
        changed_kinds=None if changed is None else _kinds(snapshot.names(changed)),
        stopped=snapshot.stopped,
    )
    try:
        with place.open() as image:
            return _compared(proof, snapshot, image, (*snapshot.before, *later))
    except Damaged as damage:
        return replace(proof, damage=damage.message)
    except SpecError as error:
        return replace(proof, lacking=error.message)


def _compared(
    proof: SaveProof, snapshot: Snapshot, image: Image, times: Sequence[Time]
) -> SaveProof:
    differences = Differences(snapshot.may_differ, snapshot.what, times)
    chunks = snapshot.kept.sparing(image.chunks())
    kept = snapshot.kept
    view = compare(chunks, image.zero_pfns, kept, differences, memory_is_right=True)
    facts = ImageFacts(
        codec=image.codec,
        data_pages=len(image.pfns),
        zero_pages=len(image.zero_pfns),
        stored=_stored(image),
        crc_right=None if image.crc is None else image.crc.right,
    )
    return replace(proof, view=view, image=facts, ledger=_ledger(snapshot, image))


def _ledger(snapshot: Snapshot, image: Image) -> Ledger:
    ledger = account(
        ram=snapshot.ram,
        data=image.pfns,
        zero=image.zero_pfns,
        free=snapshot.free,
        forbidden=snapshot.forbidden,
        nosave=snapshot.nosave,
    )
    cache = snapshot.kinds.cache(snapshot.kept.pfns)
    return replace(ledger, asked=snapshot.asked, cache=cache)


def written_since(snapshot: Snapshot, now: Memory) -> Since:
    """Return which pages were written to after the snapshot."""
    found = [
        chunk.pfns[differing(now.pages, now.rows(chunk.pfns), chunk.data)]
        for chunk in snapshot.kept.sparing(pages_of(snapshot.kept, snapshot.kept.pfns))
    ]
    return Since(now, np.concatenate(found) if found else np.empty(0, dtype=np.int64))


def _kinds(names: Sequence[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _stored(image: Image) -> int:
    pages = image.info.pages if image.swap_map is None else image.swap_map.count
    return pages * PAGE_SIZE
