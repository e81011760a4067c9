"""The daemon and the examiner, each at the end of a real socket."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hibtest.probe import __main__ as program
from hibtest.probe import daemon, examiner, procfs
from hibtest.probe.base import Lacking, Planted, ProbeError, Witness, describe
from hibtest.probe.detached import child

pytestmark = pytest.mark.usefixtures("ending")


def raising(error: Exception) -> Callable[[], Any]:
    def work(*_: object, **__: object) -> Any:
        raise error

    return work


FINE = Witness("fine", lambda: Planted({"a": 1}, lambda: {"a": 2}))
KINDS = (
    FINE,
    Witness("lacking", raising(Lacking("none here"))),
    Witness("refused", raising(OSError(16, "Device or resource busy", "/dev/x"))),
    Witness("garbled", raising(ValueError("no number"))),
    Witness("lost", lambda: Planted({"b": 1}, raising(KeyError("b")))),
    Witness("public", lambda: Planted({"c": 1}, lambda: {"c": 1}), private=False),
)


def plain(patch: pytest.MonkeyPatch) -> None:
    """Have standard output and error as a program has them."""
    patch.setattr(sys, "stdout", os.fdopen(1, "w", closefd=False))
    patch.setattr(sys, "stderr", os.fdopen(2, "w", closefd=False))


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "early", lambda: KINDS[:3])
    monkeypatch.setattr(daemon, "late", lambda: KINDS[3:])


def test_a_witness_that_cannot_be_planted_hides_no_other(kinds: None) -> None:
    facts, there = daemon.plant(private=True)
    assert facts["boot_id"] == procfs.boot_id()
    assert facts["witnesses"] == {
        "fine": {"a": 1},
        "lacking": {"lacking": "none here"},
        "refused": {"error": "EBUSY /dev/x: Device or resource busy"},
        "garbled": {"error": "ValueError: no number"},
        "lost": {"b": 1},
        "public": {"lacking": "left out: it would outlive the daemon"},
    }
    assert list(there) == ["fine", "lost"]


def test_in_a_guest_all_are_planted_once_modules_are_there(
    kinds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = child(lambda: None)
    monkeypatch.setattr(daemon, "load_modules", lambda: loaded)
    facts, there = daemon.plant(private=False)
    assert facts["witnesses"]["public"] == {"c": 1}
    assert list(there) == ["fine", "lost", "public"]
    with pytest.raises(ChildProcessError):
        os.waitpid(loaded, 0)


def test_a_guest_may_have_no_modprobe(kinds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "posix_spawnp", raising(FileNotFoundError(2, "modprobe")))
    assert daemon.load_modules() is None
    assert daemon.plant(private=False)[0]["witnesses"]["public"] == {"c": 1}


def test_a_witness_that_raises_when_looked_at_hides_no_other(kinds: None) -> None:
    _, there = daemon.plant(private=True)
    assert dict(daemon.look(there)) == {
        "fine": {"found": {"a": 2}}, "lost": {"error": "KeyError: 'b'"}
    }  # fmt: skip


def test_a_mistake_in_the_probe_is_no_finding() -> None:
    with pytest.raises(ZeroDivisionError):
        dict(daemon.look({"broken": Planted({}, lambda: {"a": 1 // 0})}))


def test_all_are_asked_before_the_first_is_looked_at() -> None:
    order: list[str] = []

    def kind(name: str) -> Planted:
        def look() -> dict[str, object]:
            order.append(f"look {name}")
            return {}

        return Planted({}, look, lambda: order.append(f"ask {name}"))

    dict(daemon.look({name: kind(name) for name in "ab"}))
    assert order == ["ask a", "ask b", "look a", "look b"]


def test_what_none_of_the_witnesses_does_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda _: now.__setitem__(0, now[0] + 0.1))
    monkeypatch.setattr(procfs, "PATIENCE", 6.0)

    def look() -> dict[str, object]:
        return {"woke": procfs.wait_for(lambda: False, 2)}

    there = {str(number): Planted({}, look) for number in range(5)}
    assert all(report == {"found": {"woke": False}} for _, report in daemon.look(there))
    first, others = 2 * 6.0, 4 * procfs.MOMENT * 6.0
    assert now[0] - 100 == pytest.approx(first + others, abs=1)
    now[0] = 0.0
    assert not procfs.wait_for(lambda: False, 2)  # the next one, on its own, has all its time
    assert now[0] == pytest.approx(12, abs=0.2)


def test_a_daemon_answers_whoever_asks(kinds: None, tmp_path: Path) -> None:
    reader = daemon.start(tmp_path, private=True)
    facts = daemon.planted(tmp_path, reader)
    try:
        assert facts["witnesses"]["fine"] == {"a": 1}
        assert json.loads((tmp_path / daemon.PLANTED).read_text()) == facts
        with socket.socket(socket.AF_UNIX) as hasty:  # asks, and does not wait
            hasty.connect(str(tmp_path / daemon.SOCKET))
        assert daemon.ask(tmp_path)["witnesses"]["fine"] == {"found": {"a": 2}}
        assert daemon.ask(tmp_path) == daemon.ask(tmp_path)
    finally:
        os.kill(procfs.number(tmp_path / daemon.PID) or 0, 9)


def test_a_daemon_that_dies_while_it_plants_is_told_by_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain(monkeypatch)
    monkeypatch.setattr(daemon, "early", raising(RuntimeError("no more")))
    with pytest.raises(ProbeError, match="died while it planted: RuntimeError: no more") as died:
        daemon.planted(tmp_path, daemon.start(tmp_path, private=True))
    assert died.value.kind == "daemon"
    assert daemon.ask(tmp_path)["witnesses"] is None


def listener(run: Path, answer: Callable[[socket.socket], object]) -> Iterator[None]:
    """Have somebody at the daemon's socket."""
    (run / daemon.PLANTED).write_text(json.dumps({"witnesses": {"a": {}, "b": {}}}))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(run / daemon.SOCKET))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


@pytest.mark.parametrize(
    "text", [b"", b'["a", {"found', b"\xff\xfe", b'["c", {}]\n', b"[]\n", b"7\n", b"null"]
)
def test_an_answer_that_was_cut_is_an_error_of_every_witness(text: bytes, tmp_path: Path) -> None:
    there = listener(tmp_path, lambda connection: connection.sendall(text))
    next(there)
    found = daemon.ask(tmp_path)["witnesses"]
    assert [found[name]["error"] for name in "ab"] == ["the daemon died while it answered"] * 2
    next(there, None)


def test_the_witness_that_a_daemon_is_stuck_with_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "ANSWER", 0.05)
    done = threading.Event()

    def half(connection: socket.socket) -> None:
        connection.sendall(b'["a", {"found": {"n": 1}}]\n')
        done.wait(60)

    there = listener(tmp_path, half)
    next(there)
    found = daemon.ask(tmp_path)["witnesses"]
    done.set()
    next(there, None)
    assert found["a"] == {"found": {"n": 1}}
    assert found["b"] == {"error": "the daemon did not answer in 0 s, asked for b"}


def test_a_daemon_that_does_not_answer_is_said_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "ANSWER", 0.05)
    done = threading.Event()
    there = listener(tmp_path, lambda _: done.wait(60))
    next(there)
    (tmp_path / daemon.PID).write_text(str(os.getpid()))
    found = daemon.ask(tmp_path)["witnesses"]
    done.set()
    assert found["a"]["error"].startswith(
        f"the daemon did not answer in 0 s: process {os.getpid()} is in state "
    )
    next(there, None)
    (tmp_path / daemon.PID).unlink()
    assert daemon.whereabouts(tmp_path) == ""


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    daemon.keep(tmp_path / "a.json", b"one")
    daemon.keep(tmp_path / "a.json", b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.json", b"two")]


def asked(line: bytes, main: examiner.Main) -> bytes:
    """Return what the examiner answers to a line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        child(lambda: examiner.serve(server, main))
        with socket.create_connection(server.getsockname(), timeout=60) as link:
            link.sendall(line)
            link.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: link.recv(1 << 16), b""))


def echo(argv: list[str]) -> int:
    os.write(1, json.dumps(argv).encode() + b"\n")
    return len(argv)


@pytest.mark.parametrize(
    ("line", "argv"),
    [(b"check\n", ["check"]), (b"audit", ["audit"]), (b"\n", []), (b"", []),
     (b"workload  fuse-dirty\nmore\n", ["workload", "fuse-dirty"])],
)  # fmt: skip
def test_a_line_is_a_command(line: bytes, argv: list[str]) -> None:
    answer = json.dumps(argv).encode() + b"\n" + b'{"status": %d}\n' % len(argv)
    assert asked(line, echo) == answer


def test_an_unknown_command_is_answered_by_the_examiner_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain(monkeypatch)
    error, status = asked(b"harvest all\n", program.main).splitlines()
    assert json.loads(error)["error"]["kind"] == "usage"
    assert json.loads(status) == {"status": 1}


def test_a_command_that_dies_has_no_status_and_ends_no_other(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def main(argv: list[str]) -> int:
        if argv == ["die"]:
            raise ZeroDivisionError
        return echo(argv)

    with socket.create_server(("127.0.0.1", 0)) as server:
        child(lambda: examiner.serve(server, main))
        answers = []
        for line in (b"die\n", b"live\n"):
            with socket.create_connection(server.getsockname(), timeout=60) as link:
                link.sendall(line)
                answers.append(b"".join(iter(lambda link=link: link.recv(1 << 16), b"")))  # type: ignore[misc]
    assert answers == [b"", b'["live"]\n{"status": 1}\n']
    assert "ZeroDivisionError" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("error", "answer"),
    [(ProbeError("planted", "again"), {"kind": "planted", "message": "again"}),
     (OSError(2, "No such file or directory", "/x"),
      {"kind": "fault", "message": "ENOENT /x: No such file or directory"}),
     (KeyError("x"), {"kind": "fault", "message": "KeyError: 'x'"})],
)  # fmt: skip
def test_what_cannot_be_done_is_a_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    answer: Any,
) -> None:
    monkeypatch.setitem(program.COMMANDS, "check", raising(error))
    assert program.main(["check"]) == 1
    assert json.loads(capsys.readouterr().out) == {"error": answer}


@pytest.mark.parametrize("argv", [[], ["workload"], ["workload", "a", "b"], ["check", "now"]])
def test_words_that_mean_no_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(argv) == 1
    assert "one command of plant, " in capsys.readouterr().out


def test_a_command_may_take_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[str] = []
    monkeypatch.setitem(program.WITH_WORD, "workload", words.append)
    assert program.main(["workload", "nbd-ioctl"]) == 0
    assert words == ["nbd-ioctl"]


@pytest.mark.parametrize(
    ("error", "text"),
    [(OSError(16, "busy", "/dev/x"), "EBUSY /dev/x: busy"), (OSError(16, "busy"), "EBUSY: busy"),
     (OSError(5000, "odd"), "errno 5000: odd"), (OSError("odd"), "OSError: odd"),
     (TimeoutError("late"), "TimeoutError: late")],
)  # fmt: skip
def test_errors_are_told_in_a_line(error: OSError, text: str) -> None:
    assert describe(error) == text
