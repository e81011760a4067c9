"""A resume tries for a while to reach a server that does not answer, and says so."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError, NoImage
from hibtest.agent.log import Log
from hibtest.agent.resume import resume
from hibtest.agent.target import Target
from hibtest.agent.target import server as target
from hibtest.deadline import Deadline, poll
from hibtest.imageserver import make_keys, serving
from tests.agent.target.bench import Bench, free_port, mixed_keys
from tests.imageserver.images import made


@contextmanager
def resuming(where: str, keys: Path, log: Path) -> Iterator[list[AgentError]]:
    """Resume in a thread; the list has what came of it once the block is left."""
    came: list[AgentError] = []

    def run() -> None:
        try:
            resume(Target("server", where, str(keys)), Log(str(log)), 60)
        except AgentError as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield came
    finally:
        thread.join(60)


def test_a_server_that_comes_late_is_reached(tmp_path: Path) -> None:
    keys, port, log = make_keys(tmp_path / "keys"), free_port(), tmp_path / "log"
    log.touch()
    where = f"127.0.0.1:{port}"
    with resuming(where, keys.client, log) as came:
        tried = Deadline.after(20, "the first try")
        poll(lambda: '"reach"' in log.read_text() or None, tried)
        with serving(tmp_path / "image.hib", keys, ("127.0.0.1", port)):
            sink = target.open_sink(where, str(keys.client))
            sink.connect(0)
            image = made(1, 1000)
            sink.write(image.stream)
            sink.commit(image.record)
            poll(lambda: came or None, Deadline.after(20, "the resume"))
    # it got the image; this one is of no kernel
    assert [error.message.partition(",")[0] for error in came] == ["the image is of kernel None"]
    assert "does not answer: Connection refused" in log.read_text()


@pytest.mark.parametrize("wrong", ["keys", "none"])
def test_what_will_not_change_is_not_tried_again(bench: Bench, tmp_path: Path, wrong: str) -> None:
    other = make_keys(tmp_path / "other")
    mixed = mixed_keys(bench.keys, other, tmp_path / "mixed.pem")
    keys = mixed if wrong == "keys" else bench.keys.client
    log = tmp_path / "log"
    log.touch()
    with resuming(bench.address, keys, log) as came:
        poll(lambda: came or None, Deadline.after(20, "the resume"))
    assert isinstance(came[0], NoImage) == (wrong == "none")
    assert '"reach"' not in log.read_text()
