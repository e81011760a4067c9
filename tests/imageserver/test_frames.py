"""A stream is taken when it is whole, and refused with the reason when it is not."""

import random
import struct
from dataclasses import replace

import pytest

from hibtest.agent.image.format import Frame, Record
from hibtest.imageserver.frames import HEADER, Checker, Refusal, parse_record
from tests.imageserver import images
from tests.imageserver.images import Made, frame, made, record


def check(image: Made) -> Checker:
    checker = Checker()
    for one in image.frames:
        checker.begin(one[: HEADER.size])
        body = memoryview(one)[HEADER.size :]
        checker.take(body[:7])
        checker.take(body[7:])
        checker.end()
    checker.finish(image.record)
    return checker


@pytest.mark.parametrize("checksum", ["blake2b", "sha256"])
def test_whole_stream_is_taken(checksum: str) -> None:
    image = made(checksum=checksum)
    checker = check(image)
    assert (checker.chunks, checker.stored) == (5, len(image.stream))


# magic, index, length, padding, digest, the bytes themselves
@pytest.mark.parametrize("at", [0, 5, 9, 20, 40, 63, 64, 500])
def test_altered_frame_is_refused(at: int) -> None:
    image = made(2, 1000)
    altered = bytearray(image.frames[1])
    altered[at] ^= 1
    with pytest.raises(Refusal):
        check(replace(image, frames=[image.frames[0], bytes(altered)]))


def test_frames_out_of_order_are_refused() -> None:
    image = made(3, 100)
    one, two, three = image.frames
    with pytest.raises(Refusal, match="frame 2 came where frame 1 belongs"):
        check(Made([one, three, two], image.record))


@pytest.mark.parametrize(
    ("length", "stored"),
    [(0, 5), (4096, 0), ((64 << 20) + 4096, 5), (4096, 4097), (4097, 5), (5, 5)],
)
def test_lengths_are_bounded(length: int, stored: int) -> None:
    with pytest.raises(Refusal, match="length of"):
        Checker().begin(HEADER.pack(b"hibC", 0, length, stored, b""))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"chunks": 6}, "6 frames, 5 came"),
        ({"stored": 7}, "7 bytes, 500"),
        ({"digest": "00" * 32}, "for other frames"),
        ({"checksum": "sha256"}, "says sha256, the frames have blake2b"),
        ({"checksum": "crc32"}, "says crc32"),
        ({"chunks": "five"}, "chunks"),
        ({"pages": 1 << 49}, "pages, 245 came"),
        ({"pages": -1}, "pages, 245 came"),
        ({"codec": "lzma"}, "codec 'lzma'"),
        ({"codec": None}, "codec"),
    ],
)
def test_record_that_is_for_something_else_is_refused(other: dict[str, object], said: str) -> None:
    image = made()
    with pytest.raises(Refusal, match=said):
        check(replace(image, record=record(image.frames, other=other)))


def test_both_checksums_in_one_stream_are_refused() -> None:
    image = Made([frame(0, b"a", "sha256"), frame(1, b"b", "blake2b")], bytes(4096))
    with pytest.raises(Refusal, match="frame 1 is damaged"):
        check(image)


def test_image_without_a_frame_is_refused() -> None:
    with pytest.raises(Refusal, match="without a frame"):
        check(Made([], record([])))


@pytest.mark.parametrize("at", [0, 8, 12, 100, 4000, 4063, 4064, 4095])
def test_altered_record_is_refused(at: int) -> None:
    raw = bytearray(made().record)
    raw[at] ^= 1
    with pytest.raises(Refusal, match="commit record"):
        parse_record(bytes(raw))


@pytest.mark.parametrize("size", [12, 4095])
def test_short_record_is_refused(size: int) -> None:
    with pytest.raises(Refusal, match="commit record"):
        parse_record(made().record[:size])


def test_record_may_say_more() -> None:
    assert parse_record(made().record).chunks == 5
    assert b"zstd" in made().record
    assert len(made().record) == images.RECORD_SIZE


VALUES: tuple[object, ...] = (
    0, -1, 1, 2, 5.0, 4096, 1 << 49, 1 << 50, 1 << 64, "", "none", "zstd", "sha256", None, True,
    [], {}, "\ud800", "\x1b",
)  # fmt: skip
NAMES = ("codec", "checksum", "pages", "chunks", "stored", "digest", "release", "boot_id", "mode")


def test_what_is_committed_an_agent_loads() -> None:
    rng = random.Random(1)  # noqa: S311
    committed = 0
    for _ in range(3000):
        frames = [frame(0, rng.randbytes(rng.randrange(1, 6000)))]
        other = {rng.choice(NAMES): rng.choice(VALUES) for _ in range(rng.randrange(2))}
        head = bytearray(frames[0])
        if rng.random() < 0.3:
            struct.pack_into("<I", head, 8 + 4 * rng.randrange(2), rng.choice((0, 1, 4096, 8192)))
        image = Made([bytes(head)], record([bytes(head)], other=other))
        try:
            check(image)
        except Refusal:
            continue
        committed += 1
        facts = Record.unpack(image.record).facts
        header = Frame.unpack(bytes(head[: HEADER.size]), 0)
        assert header.raw == facts["pages"] * 4096
        assert facts["stored"] == len(head)
    assert committed > 1000
