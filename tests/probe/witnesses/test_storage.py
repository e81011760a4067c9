"""The writer: what is lost, what is from a future, and what a power cut leaves."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hibtest.probe.base import Lacking
from hibtest.probe.witnesses import storage, writing
from hibtest.probe.witnesses.writing import BLOCK, DONE, LENGTH, SLOTS, Writer, read_back, told
from tests.probe.witnesses.looking import Looked

MANY = 3 * SLOTS + 5


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """A writer that has written more than its ring holds."""
    found = Writer(tmp_path / "storage")
    for _ in range(MANY):
        found.go_on()
    return found


def put(writer: Writer, way: str, place: int, data: bytes) -> None:
    fd = os.open(writer.place / way, os.O_WRONLY)
    os.pwrite(fd, data, place)
    os.fsync(fd)
    os.close(fd)


def wrong(writer: Writer, acknowledged: int = MANY, most: int | None = MANY + 1) -> object:
    return told(read_back(writer.place), acknowledged, most)["wrong"]


def slot(number: int) -> int:
    return (number - 1) % SLOTS * BLOCK


def test_all_that_was_acknowledged_is_there(writer: Writer) -> None:
    facts = told(read_back(writer.place), MANY, MANY + 1)
    assert facts == {"last": dict.fromkeys(writing.WAYS, MANY), "wrong": None}
    assert (writer.first(), writer.words[DONE]) == (None, MANY)
    assert (writer.place / "appended").stat().st_size == MANY * LENGTH


@pytest.mark.parametrize("most", [None, MANY])
def test_what_was_acknowledged_and_is_not_there_is_lost(writer: Writer, most: int | None) -> None:
    assert wrong(writer, MANY + 2, most) == ["appended", "lost", MANY + 1, MANY * LENGTH]


@pytest.mark.parametrize(
    ("way", "number", "place"),
    [
        ("appended", 7, 6 * LENGTH),
        ("appended", MANY, (MANY - 1) * LENGTH),
        ("direct", MANY - 20, slot(MANY - 20)),
        ("direct", MANY - SLOTS + 2, slot(MANY - SLOTS + 2)),
        ("renamed", MANY, 0),
    ],
)
@pytest.mark.parametrize("how", [bytes(LENGTH), b"X"])
def test_a_record_that_is_zeroed_or_torn_is_lost(
    writer: Writer, way: str, number: int, place: int, how: bytes
) -> None:
    put(writer, way, place, how)
    assert wrong(writer) == [way, "lost", number, place]


def test_the_next_one_may_be_on_its_way_in_the_place_of_the_oldest(writer: Writer) -> None:
    put(writer, "direct", slot(MANY + 1), b"half of it")
    put(writer, "appended", MANY * LENGTH, b"half of it")
    assert wrong(writer) is None
    assert wrong(writer, most=None) is None


def test_a_number_that_nobody_has_come_to_is_from_the_future(writer: Writer) -> None:
    """Three of another life, of which the first may be ours."""
    before = writer.before
    for number in range(MANY + 1, MANY + 4):
        put(writer, "direct", slot(number), writing.record(number, before))
    assert wrong(writer) == ["direct", "future", MANY + 2, slot(MANY + 2)]
    writer.go_on()
    assert writer.first() == ["direct", "future", MANY + 1, slot(MANY + 1)]


def test_a_number_that_one_way_has_was_begun_when_all_had_the_one_before(writer: Writer) -> None:
    os.truncate(writer.place / "appended", (MANY - 2) * LENGTH)
    lost = ["appended", "lost", MANY - 1, (MANY - 2) * LENGTH]
    assert wrong(writer, acknowledged=0, most=None) == lost


def test_what_another_life_left_behind_ours_does_not_follow_from_it(writer: Writer) -> None:
    """After a power cut nobody knows how far the writer came: the chain of checksums tells."""
    for number in range(MANY + 1, MANY + 4):
        put(writer, "direct", slot(number), writing.record(number, 77))
    assert wrong(writer, most=None) == ["direct", "future", MANY + 1, slot(MANY + 1)]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda one: put(one, "direct", slot(MANY + 1), bytes(BLOCK)),
         ["direct", "lost", MANY + 1 - SLOTS, slot(MANY + 1)]),
        (lambda one: os.truncate(one.place / "appended", 5 * LENGTH),
         ["appended", "lost", 6, 5 * LENGTH]),
        (lambda one: os.truncate(one.place / "appended", (MANY + 5) * LENGTH),
         ["appended", "future", MANY + 1, MANY * LENGTH]),
        (lambda one: put(one, "renamed", 0, writing.record(MANY + 9, 0)),
         ["renamed", "future", MANY + 9, 0]),
        (lambda one: put(one, "renamed", 0, writing.record(MANY - 9, 0)),
         ["renamed", "lost", MANY, 0]),
        (lambda one: (one.place / "renamed").unlink(), ["renamed", "errno", 2, 0]),
    ],
)  # fmt: skip
def test_the_writer_itself_finds_what_it_goes_on_from(
    writer: Writer, damage: Callable[[Writer], object], found: object
) -> None:
    damage(writer)
    writer.go_on()
    writer.go_on()
    assert writer.first() == found


def test_a_writer_that_is_planted_goes_on(
    run: Path, ending: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "NAP", 0.01)
    witness = Looked("storage-root", storage.root)
    assert witness.found()["acknowledged"] > witness.planted["acknowledged"]
    left = storage.after({"storage-root": witness.planted["acknowledged"]})
    assert left["storage-root"]["wrong"] is None
    later = witness.found()["acknowledged"] + 100000
    assert storage.after({"storage-root": later})["storage-root"]["wrong"][:2] == [
        "appended",
        "lost",
    ]


def test_without_a_data_disk_nobody_writes_there(tmp_path: Path) -> None:
    with pytest.raises(Lacking, match="no data disk"):
        storage.data()
