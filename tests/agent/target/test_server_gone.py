"""A server that is not there, ends, is killed or hangs."""

import signal
import socket
import threading
from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError
from hibtest.agent.target import server as target
from hibtest.deadline import Deadline, poll
from hibtest.imageserver import make_keys, serving
from tests.agent.target.bench import free_port, own_process, send
from tests.imageserver.images import HEADER, made


def test_nobody_there_is_told(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    sink = target.open_sink(f"127.0.0.1:{free_port()}", str(keys.client))
    with pytest.raises(AgentError, match=r"does not answer: Connection refused"):
        sink.connect(0)
    sink.close()


def test_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        sink = target.open_sink(address, str(keys.client), timeout=0.2)
        with pytest.raises(AgentError, match="did not answer in time"):
            sink.connect(0)


def test_server_that_ends_breaks_off_an_upload_and_leaves_nothing(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    image = made(3, 1000)
    store = tmp_path / "store" / "image.hib"
    with serving(store, keys) as server:
        sink = target.open_sink("{}:{}".format(*server.address), str(keys.client))
        sink.connect(0)
        sink.write(image.frames[0])
    with pytest.raises(AgentError, match="image server"):
        send(sink, image.frames[1:], image.record)
    sink.close()
    assert [path.name for path in store.parent.iterdir()] == ["image.hib.lock"]
    assert threading.active_count() == 1


def test_server_killed_in_mid_upload_is_noticed_at_once(tmp_path: Path) -> None:
    with own_process(tmp_path) as (process, address, keys):
        sink = target.open_sink(address, keys)
        sink.connect(0)
        sink.write(made(1, 1000).frames[0])
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(AgentError, match=r"hung up|broke"):
            sink.commit(made(1, 1000).record)
        sink.close()


def test_server_that_hangs_in_mid_upload_is_given_up(tmp_path: Path) -> None:
    with own_process(tmp_path) as (process, address, keys):
        sink = target.open_sink(address, keys, timeout=1.0)
        sink.connect(0)
        process.send_signal(signal.SIGSTOP)
        piece = HEADER.pack(b"hibC", 0, 64 << 20, 64 << 20, b"") + bytes(32 << 20)
        with pytest.raises(AgentError, match=r"in time|broke"):
            sink.write(piece)
        sink.close()


def test_killed_server_leaves_nothing_that_is_resumed(tmp_path: Path) -> None:
    with own_process(tmp_path) as (process, address, keys):
        sink = target.open_sink(address, keys)
        sink.connect(0)
        image = made(3, 100_000)
        sink.write(image.stream)
        part = tmp_path / "store" / "image.hib.part"
        poll(lambda: part.stat().st_size > 0 or None, Deadline.after(20, "an upload"))
        process.kill()
        process.wait()
    with own_process(tmp_path) as (_, address, keys):
        with pytest.raises(AgentError, match="there is no image"):
            target.open_source(address, keys)
        sink = target.open_sink(address, keys)
        sink.connect(0)
        sink.write(image.stream)
        sink.commit(image.record)
        assert target.open_source(address, keys).read(1 << 30) == image.stream
