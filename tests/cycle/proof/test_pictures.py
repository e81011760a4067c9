"""The proof of a save and of a resume, on a small image and memory that are made up."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from hibtest.cycle.proof.explain import Region
from hibtest.cycle.proof.kept import Kept
from hibtest.cycle.proof.kernel import Space
from hibtest.cycle.proof.kinds import Kinds
from hibtest.cycle.proof.restore import _OTHERS, Restorer
from hibtest.cycle.proof.save import prove_save, written_since
from hibtest.cycle.proof.snapshot import Snapshot
from hibtest.cycle.proof.stops import Stops
from hibtest.evidence import View
from hibtest.image.place import ImagePlace
from hibtest.machine.memory import GuestMemory
from hibtest.machine.registers import Registers
from tests.cycle.kernels import CR3, DATA, JUMP, PAGES, RECIPE, ZEROES, Ram
from tests.cycle.proof.breakpoints import Breakpoints
from tests.image.writer import PAGE, write

PFNS = np.array([*DATA, *ZEROES], dtype=np.int64)


class _Stops(Breakpoints):
    def hit(self, *, r8: int, r9: int) -> None:
        self.set[JUMP](replace(Registers(*range(33)), r8=r8, r9=r9))


@pytest.fixture
def memory() -> GuestMemory:
    ram = Ram(PAGES)
    for pfn, content in zip(DATA, RECIPE.pages(), strict=True):
        ram.put(pfn * PAGE, content)
    return ram.memory


@pytest.fixture
def place(tmp_path: Path) -> ImagePlace:
    path = tmp_path / "swap.raw"
    path.write_bytes(write(RECIPE).disk)
    return ImagePlace(path=path)


@pytest.fixture
def snapshot(memory: GuestMemory, tmp_path: Path) -> Iterator[Snapshot]:
    none = np.empty(0, dtype=np.int64)
    kept = Kept(memory, PFNS, tmp_path)
    yield Snapshot(
        kept=kept,
        may_differ=(Region("the dead stack", 20 * PAGE, 20 * PAGE + 64),),
        regions=(Region("kernel text", 30 * PAGE, 40 * PAGE),),
        ram=np.arange(PAGES, dtype=np.int64),
        free=none,
        forbidden=none,
        nosave=np.setdiff1d(np.arange(PAGES, dtype=np.int64), PFNS),
        kinds=Kinds(none, np.empty(0, dtype=np.int8)),
        asked=None,
        space=Space(),
        blocks=(),
        stopped=0.5,
    )
    kept.close()


def _restorer(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot | None
) -> tuple[Restorer, _Stops]:
    stops = _Stops()
    restorer = Restorer(cast(Stops, stops), memory, place, snapshot)
    restorer.arm()
    return restorer, stops


def _exact(view: View | None) -> bool:
    assert view is not None
    return view.differ == 0


def test_memory_at_the_jump_is_compared_with_image_and_snapshot(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot
) -> None:
    restorer, stops = _restorer(memory, place, snapshot)
    assert restorer.proof.lacking == "no kernel was restored"
    stops.hit(r8=JUMP, r9=CR3)
    proof = restorer.proof
    assert proof.lacking == ""
    assert _exact(proof.image)
    assert _exact(proof.snapshot)
    assert proof.image
    assert (proof.image.pages, proof.image.zeroes) == (len(DATA), len(ZEROES))
    assert proof.stopped is not None
    assert 0 <= proof.stopped < 600
    assert stops.set == {}


def test_a_page_that_was_restored_wrongly_is_in_both_views(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot
) -> None:
    restorer, stops = _restorer(memory, place, snapshot)
    memory.pages[33, 7] ^= 1
    memory.pages[ZEROES[0], 0] = 1
    stops.hit(r8=JUMP, r9=CR3)
    proof = restorer.proof
    for view in (proof.image, proof.snapshot):
        assert view
        assert [page.pfn for page in view.differences] == [33, ZEROES[0]]
        assert view.differences[0].what == "kernel text"
        assert view.unexplained == 2


def test_without_a_snapshot_the_image_alone_is_compared(
    memory: GuestMemory, place: ImagePlace
) -> None:
    restorer, stops = _restorer(memory, place, None)
    stops.hit(r8=JUMP, r9=CR3)
    assert _exact(restorer.proof.image)
    assert restorer.proof.snapshot is None


@pytest.mark.parametrize(("r8", "r9"), [(JUMP, 0), (0, CR3), (0, 0)])
def test_another_instruction_at_that_address_is_not_the_jump(
    memory: GuestMemory, place: ImagePlace, r8: int, r9: int
) -> None:
    restorer, stops = _restorer(memory, place, None)
    stops.hit(r8=r8, r9=r9)
    assert restorer.proof.lacking == "no kernel was restored"
    stops.hit(r8=JUMP, r9=CR3)
    assert _exact(restorer.proof.image)


def test_an_address_that_runs_often_is_given_up(memory: GuestMemory, place: ImagePlace) -> None:
    restorer, stops = _restorer(memory, place, None)
    for _ in range(_OTHERS):
        stops.hit(r8=0, r9=0)
    assert JUMP in stops.set
    stops.hit(r8=0, r9=0)
    assert restorer.proof.lacking == "the jump's address is one that runs often"
    assert stops.set == {}


def test_no_image_no_breakpoint(memory: GuestMemory, tmp_path: Path) -> None:
    path = tmp_path / "empty.raw"
    path.write_bytes(bytes(16 * PAGE))
    restorer, stops = _restorer(memory, ImagePlace(path=path), None)
    assert stops.set == {}
    assert "no image: the signature" in restorer.proof.lacking


def test_an_image_that_was_damaged_since_is_said_and_the_snapshot_compared(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot
) -> None:
    restorer, stops = _restorer(memory, place, snapshot)
    unit = write(RECIPE).units[0]
    with place.path.open("r+b") as disk:
        disk.seek(unit * PAGE)
        disk.write(b"\xff" * PAGE)
    stops.hit(r8=JUMP, r9=CR3)
    assert "cmp_len" in restorer.proof.lacking
    assert restorer.proof.image is None
    assert _exact(restorer.proof.snapshot)


def test_an_image_that_is_what_memory_was_is_proved(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot
) -> None:
    proof = prove_save(snapshot, place, written_since(snapshot, memory))
    assert _exact(proof.view)
    assert (proof.changed, proof.changed_kinds, proof.stopped) == (0, {}, 0.5)
    assert (proof.damage, proof.lacking) == ("", "")
    assert proof.image
    assert (proof.image.codec, proof.image.data_pages, proof.image.zero_pages) == (
        "lzo",
        len(DATA),
        len(ZEROES),
    )
    assert proof.image.crc_right is True
    assert proof.image.stored == PAGE * len(write(RECIPE).entries)
    assert proof.ledger
    assert (proof.ledger.lost, proof.ledger.twice) == (0, 0)


def test_what_the_kernel_wrote_to_itself_is_explained_and_nothing_else(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot, tmp_path: Path
) -> None:
    memory.pages[20, 60] ^= 1  # the dead stack
    memory.pages[21, 60] ^= 1
    before = Kept(memory, PFNS, tmp_path)
    proof = prove_save(replace(snapshot, kept=before), place)
    before.close()
    assert proof.changed is None
    assert proof.view
    assert [(page.pfn, page.explained) for page in proof.view.differences] == [
        (21, False),
        (20, True),
    ]


def test_pages_written_to_after_the_snapshot_are_counted_by_kind(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot
) -> None:
    memory.pages[[31, 32, 50], 0] ^= 1
    proof = prove_save(snapshot, place, written_since(snapshot, memory))
    assert proof.changed == 3
    assert proof.changed_kinds == {"kernel text": 2, "memory of unknown use": 1}
    assert _exact(proof.view)


def test_a_page_that_is_in_use_and_not_in_the_image_is_missed(
    place: ImagePlace, snapshot: Snapshot
) -> None:
    in_use = snapshot.nosave[snapshot.nosave != 5]
    proof = prove_save(replace(snapshot, nosave=in_use), place)
    assert proof.ledger
    assert (proof.ledger.lost, proof.ledger.twice) == (1, 0)


def test_an_image_that_cannot_be_read_is_damage_and_none_is_lacking(
    place: ImagePlace, snapshot: Snapshot
) -> None:
    disk = bytearray(place.path.read_bytes())
    disk[write(RECIPE).units[0] * PAGE : write(RECIPE).units[0] * PAGE + 8] = b"\xff" * 8
    place.path.write_bytes(disk)
    assert "cmp_len" in prove_save(snapshot, place).damage
    place.path.write_bytes(bytes(len(disk)))
    proof = prove_save(snapshot, place)
    assert proof.damage == ""
    assert "no image: the signature" in proof.lacking
