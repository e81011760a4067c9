"""The agent and an image server, over real sockets with real TLS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError, NoImage
from hibtest.agent.target import server as target
from hibtest.agent.target.connection import Refused, parse_address
from hibtest.imageserver import What, make_keys
from tests.agent.target.bench import ROOT, Bench, free_port
from tests.imageserver.images import made


@pytest.mark.parametrize("checksum", ["blake2b", "sha256"])
def test_image_comes_back_as_it_was_sent(bench: Bench, checksum: str) -> None:
    image = made(checksum=checksum)
    bench.save(image)
    source = bench.source()
    assert source.record() == image.record
    pieces = [source.read(size) for size in (1, 64, 70_000, 1 << 20)]
    assert b"".join(pieces) == image.stream
    assert source.read(10) == b""
    source.consume()
    source.close()
    sizes = {one.what: one.bytes for one in bench.happened}
    size = len(image.stream)
    assert sizes == {What.UPLOAD: 0, What.COMMITTED: size, What.LOADED: size, What.CONSUMED: size}


def test_consumed_image_is_not_given_again(bench: Bench) -> None:
    bench.save(made())
    source = bench.source()
    source.read(1 << 30)
    source.consume()
    with pytest.raises(NoImage, match="cannot be resumed again"):
        bench.source()


def test_image_that_was_only_looked_at_stays(bench: Bench) -> None:
    image = made()
    bench.save(image)
    source = bench.source()
    source.read(10)
    source.close()
    assert bench.source().read(1 << 30) == image.stream


def test_of_two_that_load_one_consumes(bench: Bench) -> None:
    bench.save(made())
    one, other = bench.source(), bench.source()
    for source in (one, other):
        source.read(1 << 30)
    other.consume()
    with pytest.raises(AgentError, match="consumed, or replaced, by somebody else"):
        one.consume()


def test_image_that_was_not_read_is_not_consumed(bench: Bench) -> None:
    bench.save(made())
    with pytest.raises(AgentError, match="bytes of the image were not read"):
        bench.source().consume()


def test_no_image_is_told(bench: Bench) -> None:
    with pytest.raises(NoImage, match="there is no image"):
        bench.source()


def test_image_that_was_cut_short_on_the_server_is_not_no_image(bench: Bench) -> None:
    bench.save(made())
    os.truncate(bench.store, bench.store.stat().st_size - 1)
    with pytest.raises(Refused, match="the image is damaged"):
        bench.source()


def test_two_uploads_at_once_the_second_is_refused(bench: Bench) -> None:
    image = made(3, 1000)
    first = bench.sink()
    first.write(image.frames[0])
    with pytest.raises(AgentError, match="another image is being received"):
        bench.sink()
    for frame in image.frames[1:]:
        first.write(frame)
    first.commit(image.record)
    assert bench.source().read(1 << 30) == image.stream


def test_size_that_does_not_fit_is_refused_before_anything_is_sent(bench: Bench) -> None:
    with pytest.raises(AgentError, match="the server has room for"):
        bench.sink(1 << 60)


def test_failed_upload_leaves_no_older_image_either(bench: Bench) -> None:
    bench.save(made())
    sink = bench.sink()
    sink.close()
    with pytest.raises(NoImage, match="cannot be resumed again"):
        bench.source()


def test_image_of_a_machine_that_lives_on_is_revoked(bench: Bench) -> None:
    bench.save(made())
    args = {"address": bench.address, "keys": str(bench.keys.client)}
    target.undo(args)
    target.undo(args)
    with pytest.raises(NoImage, match="cannot be resumed again"):
        bench.source()
    assert [one.what for one in bench.happened].count(What.RETIRED) == 1


def test_revoking_without_a_server_says_what_may_happen(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    with pytest.raises(AgentError, match="must not be resumed") as caught:
        target.undo({"address": f"127.0.0.1:{free_port()}", "keys": str(keys.client)})
    assert "noresume" in caught.value.hint


@pytest.mark.parametrize("address", ["", "host", "host:", ":7000", "host:0", "host:65536", "h:x"])
def test_address_that_is_none_is_named(address: str, tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    with pytest.raises(AgentError, match="is not HOST:PORT"):
        target.open_sink(address, str(keys.client))


def test_addresses() -> None:
    assert parse_address("10.0.2.2:7000") == ("10.0.2.2", 7000)
    assert parse_address("[::1]:7000") == ("::1", 7000)


FROZEN = """
import gc, sys
from hibtest.agent.errors import AgentError
from hibtest.agent.target.server import open_sink
address, keys, stream, record = sys.argv[1:]
stream, record = open(stream, "rb").read(), open(record, "rb").read()
sink = open_sink(address, keys)
sink.connect(len(stream))
gc.disable()
def frozen(event, args):
    if event in {"open", "import", "os.fork", "subprocess.Popen", "socket.connect", "socket.bind"}:
        print("frozen, but", event, args)
sys.addaudithook(frozen)
try:
    sink.write(stream)
    sink.commit(record)
except AgentError as error:
    print(error.message)
sink.close()
sink.close()
print("end")
"""


@pytest.mark.parametrize("altered", [False, True])
def test_nothing_is_opened_or_imported_after_the_connection(
    bench: Bench, tmp_path: Path, altered: bool
) -> None:
    image = made(20)
    stream = bytearray(image.stream)
    stream[5000] ^= altered
    (tmp_path / "stream").write_bytes(stream)
    (tmp_path / "record").write_bytes(image.record)
    words = (bench.address, bench.keys.client, tmp_path / "stream", tmp_path / "record")
    done = subprocess.run(
        [sys.executable, "-c", FROZEN, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if "frozen, but" in line] == []
    assert lines[-1] == "end"
    assert any("frame 0 is damaged" in line for line in lines) == altered
