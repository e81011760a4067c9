"""Runs with an image server beside them: the agent's own client, in a guest that is pretended."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hibtest.agent.errors import AgentError
from hibtest.agent.target import server as target
from hibtest.agent.target.connection import Connection, parse_address
from hibtest.agent.target.keys import read_keys
from hibtest.evidence import Evidence
from hibtest.imageserver import keys_in, make_keys
from hibtest.job import Job
from hibtest.machine.shape import Network
from hibtest.spec import (
    AgentMethod,
    AtStage,
    Fault,
    HangUp,
    Outcome,
    Stage,
    Target,
)
from hibtest.verdict import Verdict
from tests.cycle.jobs import ONE
from tests.cycle.pretend import BEGINS, Machine, Scene, log
from tests.cycle.scenes import resumes, saves, starts
from tests.imageserver.images import made

Runs = Callable[..., tuple[Evidence, Verdict]]
SERVED = replace(ONE, method=AgentMethod(target=Target.SERVER))
WRITES = 'agent: {"begin": "write", "t": 1.0}'
IMAGE = made(chunks=2)


def _address(words: str) -> str:
    """Return where the image server is, as this host sees it."""
    given = shlex.split(words)
    name, host, port = given[given.index("--target") + 1].split(":")
    assert (name, host) == ("server", "10.0.2.2")
    return f"127.0.0.1:{port}"


def _keys(machine: Machine) -> str:
    return str(keys_in(machine.directory.parent / "keys").client)


def _sends(machine: Machine, words: str) -> None:
    """Send an image."""
    sink = target.open_sink(_address(words), _keys(machine))
    sink.connect(len(IMAGE.stream))
    machine.prints(WRITES)
    sink.write(memoryview(IMAGE.stream))
    sink.commit(IMAGE.record)
    sink.close()


def _saves(send: Callable[[Machine, str], None]) -> Scene:
    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))

        def hibernates(words: str) -> None:
            machine.prints("hibtest: hibernate agent begins")
            send(machine, words)
            machine.tells("SUSPEND_DISK")
            machine.tells("SHUTDOWN", guest=True, reason="guest-shutdown")
            machine.ends()

        machine.hibernates = hibernates

    return scene


def _happened(job: Job) -> list[dict[str, Any]]:
    lines = (job.directory / "server.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_what_is_sent_is_stored_beside_the_run_and_what_happened_is_noted(
    runs: Runs, job: Job
) -> None:
    evidence, _ = runs(SERVED, _saves(_sends), starts())
    save = evidence.boots[0]
    assert save.armed
    assert save.agent_image
    assert save.agent_image.state == "committed"
    assert (job.directory / "image.hib").read_bytes() == IMAGE.record + IMAGE.stream
    happened = _happened(job)
    assert [one["what"] for one in happened] == ["upload", "committed"]
    assert all(one["t"] >= 0 and one["peer"].startswith("127.0.0.1:") for one in happened)


def test_early_userspace_is_told_where_the_server_is(runs: Runs) -> None:
    lines: list[str] = []

    def told(scene: Scene) -> Scene:
        def listens(machine: Machine) -> None:
            assert machine.spec
            assert machine.spec.network is Network.OPEN
            lines.append(machine.spec.cmdline)
            scene(machine)

        return listens

    told_agent: list[str] = []

    def sends(machine: Machine, words: str) -> None:
        told_agent.append(_address(words).partition(":")[2])
        _sends(machine, words)

    runs(SERVED, told(_saves(sends)), told(starts()))
    assert "hibtest.agent=" not in lines[0]
    assert f"hibtest.agent=server:10.0.2.2:{told_agent[0]}" in lines[1].split()


def test_a_guest_with_the_keys_of_another_run_is_not_let_in(
    runs: Runs, job: Job, tmp_path: Path
) -> None:
    others = str(make_keys(tmp_path / "others").client)

    def stranger(machine: Machine, words: str) -> None:
        with pytest.raises(AgentError):
            target.open_sink(_address(words), others).connect(1)

    evidence, verdict = runs(SERVED, _saves(stranger), starts())
    assert not evidence.boots[0].armed
    assert verdict.outcome is Outcome.COLD_BOOT
    assert not (job.directory / "image.hib").exists()
    assert {one["what"] for one in _happened(job)} == {"refused"}


def test_a_server_that_goes_away_as_the_agent_begins_to_write(runs: Runs, job: Job) -> None:
    """The agent waits for a word of it, and has the end of the connection."""

    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))

        def hibernates(words: str) -> None:
            machine.prints("hibtest: hibernate agent begins")
            keys = read_keys(_keys(machine))
            connection = Connection(parse_address(_address(words)), keys, 60.0, do="save", size=1)
            machine.prints(WRITES)
            with pytest.raises(AgentError):
                connection.answer(60.0)
            connection.close()
            machine.prints("hibtest: hibernate agent returned 5 EIO the server is gone (write)")

        machine.hibernates = hibernates

    gone = replace(SERVED, faults=(Fault(when=AtStage(stage=Stage.WRITE), what=HangUp()),))
    evidence, verdict = runs(gone, scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, "EIO"), verdict
    assert not evidence.boots[0].armed
    assert [one["what"] for one in _happened(job)] == ["upload", "lost"]


def test_where_the_kernel_writes_there_is_no_server(runs: Runs, job: Job) -> None:
    runs(ONE, saves(), resumes(), starts())
    assert not (job.directory / "server.jsonl").exists()
    assert not (job.directory / "keys").exists()
