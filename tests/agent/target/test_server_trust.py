"""Who may talk to whom."""

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError, Unreachable
from hibtest.agent.target import server as target
from hibtest.imageserver import Keys, What, door, make_keys, server, serving
from tests.agent.target.bench import Bench, mixed_keys
from tests.imageserver.images import made


def test_client_of_other_keys_is_refused(bench: Bench, tmp_path: Path) -> None:
    mixed = mixed_keys(bench.keys, make_keys(tmp_path / "other"), tmp_path / "mixed.pem")
    with pytest.raises(AgentError, match="refuses these keys"):
        target.open_source(bench.address, str(mixed))
    assert "certificate verify failed" in bench.wait_for(What.REFUSED).text


def test_server_does_not_pass_for_a_client(bench: Bench, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.pem"
    mixed.write_bytes(bench.keys.authority.read_bytes() + bench.keys.server.read_bytes())
    with pytest.raises(AgentError, match="refuses these keys"):
        target.open_source(bench.address, str(mixed))


def test_client_does_not_pass_for_a_server(bench: Bench, tmp_path: Path) -> None:
    blocks = bench.keys.client.read_bytes().split(b"-----END CERTIFICATE-----\n")
    own = b"-----END CERTIFICATE-----\n".join(blocks[1:])
    impostor = Keys(
        authority=bench.keys.authority, server=tmp_path / "own.pem", client=bench.keys.client
    )
    impostor.server.write_bytes(own)
    with (
        serving(tmp_path / "x" / "image.hib", impostor) as server,
        pytest.raises(AgentError, match="is not the one of these keys"),
    ):
        target.open_source("{}:{}".format(*server.address), str(bench.keys.client))


def test_server_of_other_keys_is_refused(bench: Bench, tmp_path: Path) -> None:
    other = make_keys(tmp_path / "other")
    with pytest.raises(AgentError, match="is not the one of these keys"):
        target.open_source(bench.address, str(other.client))


def test_client_without_a_certificate_is_refused(bench: Bench) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bench.keys.authority)
    with (
        socket.create_connection(bench.server.address, 20) as plain,
        context.wrap_socket(plain, server_hostname="image-server.hibtest") as secured,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
    ):
        secured.recv(1)
    assert "did not return a certificate" in bench.wait_for(What.REFUSED).text


def test_older_tls_is_refused(bench: Bench) -> None:
    context = ssl.create_default_context(cafile=str(bench.keys.authority))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(bench.server.address, 20) as plain,
        pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"),
    ):
        context.wrap_socket(plain, server_hostname="image-server.hibtest")


def test_client_that_speaks_no_tls_is_refused(bench: Bench) -> None:
    with socket.create_connection(bench.server.address, 20) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        bench.wait_for(What.REFUSED)
        with suppress(ConnectionResetError):
            while plain.recv(4096):
                pass
    bench.nothing_stored()


def test_silent_strangers_do_not_shut_the_owner_out(bench: Bench) -> None:
    idle = [socket.create_connection(bench.server.address, 20) for _ in range(door.MOST + 20)]
    bench.save(made(2, 1000))
    bench.source().close()
    assert "had shown no certificate either" in bench.wait_for(What.REFUSED).text
    assert threading.active_count() < door.MOST + 10
    for one in idle:
        one.close()


def test_a_crowd_with_certificates_is_told_to_come_again(bench: Bench) -> None:
    bench.save(made(2, 1000))
    there = [bench.source() for _ in range(8)]
    with pytest.raises(Unreachable, match="8 clients are there already"):
        bench.source()
    there.pop().close()
    bench.reached().close()


def test_a_handshake_that_trickles_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_HANDSHAKE_LIMIT", 1.0)
    with socket.create_connection(bench.server.address, 20) as slow, suppress(OSError):
        slow.sendall(b"\x16\x03\x01\x40\x00")  # a record of 16 KiB
        while not bench.happened:
            slow.sendall(b"\0")
            slow.settimeout(0.1)
            with suppress(TimeoutError):
                if not slow.recv(1):
                    break
    assert bench.wait_for(What.REFUSED).text


def test_the_address_that_holds_most_loses_its_oldest() -> None:
    here, pairs = door.Door(), [socket.socketpair() for _ in range(door.MOST + 1)]
    for number, (one, _) in enumerate(pairs[:-1]):
        assert here.enter(one, "owner" if number == 0 else "crowd") is None
    assert here.enter(pairs[-1][0], "owner") == "crowd"
    assert pairs[1][1].recv(1) == b""  # the oldest of the crowd
    pairs[0][1].setblocking(False)
    with pytest.raises(BlockingIOError):
        pairs[0][1].recv(1)
    for pair in pairs:
        here.leave(pair[0])
        pair[1].close()


def test_keys_that_are_none_are_named(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    with pytest.raises(AgentError, match="No such file"):
        target.open_sink("h:1", str(file))
    file.write_bytes(bytes(512))
    with pytest.raises(AgentError, match="nothing found"):
        target.open_sink("h:1", str(file))
    file.write_bytes(make_keys(tmp_path / "k").server.read_bytes())
    with pytest.raises(AgentError, match="CERTIFICATE, PRIVATE KEY found"):
        target.open_sink("h:1", str(file))


def test_key_of_another_certificate_is_refused(tmp_path: Path, bench: Bench) -> None:
    private = make_keys(tmp_path / "other").client.read_bytes().partition(b"-----BEGIN PRIV")[2]
    mixed = tmp_path / "mixed.pem"
    certificates = bench.keys.client.read_bytes().partition(b"-----BEGIN PRIV")[0]
    mixed.write_bytes(certificates + b"-----BEGIN PRIV" + private)
    with pytest.raises(AgentError, match="keys cannot be used"):
        target.open_source(bench.address, str(mixed))
