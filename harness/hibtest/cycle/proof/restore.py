"""The proof of a resume: memory at the jump into the restored kernel.

The saved kernel's ``restore_registers`` is the first of its instructions that runs, with all of
its memory in place and nothing changed yet. Its address stands in the image.
"""

import time
from dataclasses import replace

import numpy as np

from hibtest.cycle.proof import x86_64
from hibtest.cycle.proof.compare import compare
from hibtest.cycle.proof.explain import Differences
from hibtest.cycle.proof.pages import pages_of
from hibtest.cycle.proof.relations import Whole
from hibtest.cycle.proof.snapshot import Snapshot
from hibtest.cycle.proof.stops import Stops
from hibtest.errors import SpecError
from hibtest.evidence import RestoreProof, View
from hibtest.image.damage import Damaged
from hibtest.image.info import ImageInfo
from hibtest.image.place import ImagePlace
from hibtest.machine.memory import GuestMemory
from hibtest.machine.registers import Registers

# The address may by chance be an instruction of the kernel that loads the image.
_OTHERS = 2000


class Restorer:
    """Compares memory when the guest comes to the jump.

    :param snapshot: Memory at the snapshot, when it is known.
    :param consumed: Whether the kernel that loads the image may have taken its signature already.
    :ivar proof: What came of it.
    """

    def __init__(
        self,
        stops: Stops,
        memory: GuestMemory,
        place: ImagePlace,
        snapshot: Snapshot | None,
        *,
        consumed: bool = False,
    ) -> None:
        self.proof = RestoreProof(lacking="no kernel was restored")
        self._stops = stops
        self._memory = memory
        self._place = place
        self._snapshot = snapshot
        self._others = 0
        self._info: ImageInfo | None = None
        try:
            with place.open(consumed=consumed) as image:
                self._info = image.info
        except (SpecError, Damaged) as error:
            self.proof = RestoreProof(lacking=error.message)

    def arm(self) -> None:
        """Set the breakpoint: the kernel has begun to load the image."""
        if self._info is not None:
            self._stops.add(self._info.jump_address, self._come)

    def _come(self, registers: Registers) -> None:
        info = self._info
        if info is None:
            return
        jump = x86_64.jump(registers) == (info.jump_address, info.cr3)
        if jump or self._others == _OTHERS:
            self._stops.drop(info.jump_address)
        if jump:
            self.proof = self._prove()
        elif self._others == _OTHERS:
            self.proof = RestoreProof(lacking="the jump's address is one that runs often")
        self._others += 1

    def _prove(self) -> RestoreProof:
        began = time.monotonic()
        try:
            proof = RestoreProof(image=self._against_image(), snapshot=self._against_snapshot())
        except Damaged as damage:
            proof = RestoreProof(lacking=damage.message, snapshot=self._against_snapshot())
        return replace(proof, stopped=round(time.monotonic() - began, 3))

    def _against_image(self) -> View:
        with self._place.open(consumed=True) as image:
            return compare(image.chunks(), image.zero_pfns, self._memory, self._differences())

    def _differences(self) -> Differences:
        snapshot = self._snapshot
        if snapshot is None:
            return Differences()
        kept = Whole("as at the snapshot, not as in the image", snapshot.kept)
        return Differences(what=snapshot.what, times=(kept, *snapshot.before))

    def _against_snapshot(self) -> View | None:
        snapshot = self._snapshot
        if snapshot is None:
            return None
        none = np.empty(0, dtype=np.int64)
        kept = snapshot.kept
        differences = Differences(snapshot.may_differ, snapshot.what, snapshot.before)
        pages = kept.sparing(pages_of(kept, kept.pfns))
        return compare(pages, none, self._memory, differences)
