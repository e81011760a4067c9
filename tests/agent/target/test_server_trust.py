"""Who may talk to whom."""

import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from harness.agent.errors import AgentError
from harness.agent.target import server as target
from harness.imageserver import Keys, What, make_keys, serving
from tests.agent.target.bench import Bench, mixed_keys


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


def test_crowd_is_turned_away(bench: Bench) -> None:
    idle = [socket.create_connection(bench.server.address, 20) for _ in range(9)]
    assert "clients are there already" in bench.wait_for(What.REFUSED).text
    for one in idle:
        one.close()


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
