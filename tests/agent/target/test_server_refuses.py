"""An upload that is cut off or altered leaves nothing."""

import pytest

from hibtest.agent.errors import AgentError
from hibtest.imageserver import What
from tests.agent.target.bench import Bench, send
from tests.imageserver.images import made, record

CUTS = [0, 1, 4, 63, 64, 65, 100, 5063, 5064, 5065, 5128, 15_000, 24_000]


@pytest.mark.parametrize("size", CUTS)
def test_truncated_upload_leaves_nothing(bench: Bench, size: int) -> None:
    image = made(5, 5000)
    assert size < len(image.stream)
    sink = bench.sink()
    sink.write(image.stream[:size])
    sink.close()
    lost = bench.wait_for(What.LOST)
    assert lost.text == "hung up"
    bench.nothing_stored()


@pytest.mark.parametrize("size", [4, 8, 2048, 4095])
def test_truncated_record_leaves_nothing(bench: Bench, size: int) -> None:
    image = made(2, 100)
    sink = bench.sink()
    sink.write(image.stream + image.record[:size])
    sink.close()
    bench.wait_for(What.LOST)
    bench.nothing_stored()


def test_commit_of_a_stream_cut_at_a_frame_is_refused(bench: Bench) -> None:
    image = made(3, 1000)
    sink = bench.sink()
    sink.write(b"".join(image.frames[:2]))
    with pytest.raises(AgentError, match="for 3 frames, 2 came"):
        sink.commit(image.record)
    bench.nothing_stored()


def test_commit_in_the_middle_of_a_frame_is_refused(bench: Bench) -> None:
    image = made(1, 10_000)
    sink = bench.sink()
    sink.write(image.stream[:-4096])
    with pytest.raises(AgentError, match="frame 0 is damaged"):
        sink.commit(image.record)
    bench.nothing_stored()


@pytest.mark.parametrize("at", [0, 5, 9, 13, 20, 40, 64, 4000])
def test_altered_frame_is_refused(bench: Bench, at: int) -> None:
    image = made(3, 5000)
    stream = bytearray(image.stream)
    stream[len(image.frames[0]) + at] ^= 1
    sink = bench.sink()
    with pytest.raises(AgentError, match="refuses"):
        send(sink, [bytes(stream)], image.record)
    sink.close()
    assert bench.wait_for(What.REFUSED).text
    bench.nothing_stored()


def test_frames_out_of_order_are_refused(bench: Bench) -> None:
    image = made(4, 1000)
    one, two, three, four = image.frames
    sink = bench.sink()
    with pytest.raises(AgentError, match="frame 2 came where frame 1 belongs"):
        send(sink, [one, three, two, four], image.record)
    bench.nothing_stored()


def test_refusal_reaches_a_client_that_sends_on(bench: Bench) -> None:
    image = made(2, 1000)
    sink = bench.sink()
    sink.write(image.frames[1])
    with pytest.raises(AgentError, match="frame 1 came where frame 0 belongs"):
        send(sink, [bytes(1 << 20)] * 200, image.record)


def test_commit_of_something_else_is_refused(bench: Bench) -> None:
    image = made()
    sink = bench.sink()
    sink.write(image.stream)
    with pytest.raises(AgentError, match="6 frames, 5 came"):
        sink.commit(record(image.frames, other={"chunks": 6}))
    bench.nothing_stored()
