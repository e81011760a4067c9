"""The proof of a save: the image on the disk against memory at the snapshot."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hibtest.cycle.proof.compare import compare, pages_of
from hibtest.cycle.proof.explain import Differences
from hibtest.cycle.proof.kernel import Memory, Numbers
from hibtest.cycle.proof.snapshot import Snapshot
from hibtest.errors import SpecError
from hibtest.evidence import ImageFacts, Ledger, SaveProof
from hibtest.image.compare import differing
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.ledger import account
from hibtest.image.place import ImagePlace
from hibtest.image.reader import Image


def prove_save(snapshot: Snapshot, place: ImagePlace, changed: Numbers | None = None) -> SaveProof:
    """Compare the image on a disk with the memory it was made of.

    :param place: Where the image lies; the machine is off.
    :param changed: What was written to until the power-off (:func:`written_since`).
    :raise HostError: When the disk cannot be read.
    """
    proof = SaveProof(
        changed=None if changed is None else len(changed),
        changed_kinds=None if changed is None else _kinds(snapshot.names(changed)),
        stopped=snapshot.stopped,
    )
    try:
        with place.open() as image:
            return _compared(proof, snapshot, image)
    except Damaged as damage:
        return replace(proof, damage=damage.message)
    except SpecError as error:
        return replace(proof, lacking=error.message)


def _compared(proof: SaveProof, snapshot: Snapshot, image: Image) -> SaveProof:
    differences = Differences(snapshot.may_differ, snapshot.what)
    chunks = snapshot.kept.sparing(image.chunks())
    view = compare(chunks, image.zero_pfns, snapshot.kept, differences)
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


def written_since(snapshot: Snapshot, now: Memory) -> Numbers:
    """Return the PFNs of pages that were written to after the snapshot.

    :param now: The guest's memory at its power-off.
    """
    found = [
        chunk.pfns[differing(now.pages, now.rows(chunk.pfns), chunk.data)]
        for chunk in snapshot.kept.sparing(pages_of(snapshot.kept, snapshot.kept.pfns))
    ]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _kinds(names: Sequence[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _stored(image: Image) -> int:
    pages = image.info.pages if image.swap_map is None else image.swap_map.count
    return pages * PAGE_SIZE
