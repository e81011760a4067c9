"""``hibtest image-server`` as a user calls it. What it serves: tests/agent/target."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hibtest.errors import ExitStatus
from hibtest.imageserver import make_keys


def words(tmp_path: Path, listen: str = "127.0.0.1:0") -> list[str]:
    """Return the command line of a server."""
    keys, store = os.fspath(tmp_path / "keys"), os.fspath(tmp_path / "image.hib")
    command = [sys.executable, "-m", "hibtest", "image-server"]
    return [*command, "--listen", listen, "--keys", keys, "--store", store]


def refused(tmp_path: Path, status: ExitStatus, said: str, listen: str = "127.0.0.1:0") -> None:
    done = subprocess.run(words(tmp_path, listen), capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr.startswith("hibtest: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_to_do_and_ends_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(words(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        made, needs, listening = (process.stdout.readline() for _ in range(3))
        assert "made keys in" in made
        assert os.fspath(tmp_path / "keys/client.pem") in needs
        assert listening.startswith("listening on 127.0.0.1:")
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
        assert said == "ended\n"
        assert process.returncode == ExitStatus.EXPECTED


def test_what_clients_do_is_shown(tmp_path: Path) -> None:
    with subprocess.Popen(words(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = [process.stdout.readline() for _ in range(3)][-1].rpartition(":")[2]
        with socket.create_connection(("127.0.0.1", int(port))) as stranger:
            stranger.sendall(b"hello\r\n")
            assert "refused: no TLS with a certificate of ours" in process.stdout.readline()
        process.terminate()


def test_keys_that_are_there_are_used_again(tmp_path: Path) -> None:
    before = make_keys(tmp_path / "keys").client.read_bytes()
    with subprocess.Popen(words(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "client.pem" in process.stdout.readline()
        process.terminate()
    assert (tmp_path / "keys/client.pem").read_bytes() == before


def test_some_keys_missing_is_told(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys").authority.unlink()
    refused(tmp_path, ExitStatus.USAGE, "lacks authority.pem")


@pytest.mark.parametrize("listen", ["7000", ":7000", "127.0.0.1:", "127.0.0.1:70000"])
def test_address_that_is_none_is_told(tmp_path: Path, listen: str) -> None:
    refused(tmp_path, ExitStatus.USAGE, listen, listen)


def test_address_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(tmp_path, ExitStatus.UNAVAILABLE, f"cannot listen on {listen}", listen)


def test_host_that_is_not_ours_is_told(tmp_path: Path) -> None:
    refused(tmp_path, ExitStatus.UNAVAILABLE, "cannot listen on", "192.0.2.1:0")
