"""Certificates: who trusts whom."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from hibtest.errors import HostError, SpecError
from hibtest.imageserver.keys import SERVER_NAME, keys_in, make_keys, server_context


def test_client_file_can_be_a_disk_and_begins_with_the_authority(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    content = keys.client.read_bytes()
    assert len(content) % 512 == 0
    assert content.startswith(keys.authority.read_bytes())
    assert content.count(b"PRIVATE KEY-----\n") == 2
    first, own = x509.load_pem_x509_certificates(content)
    own.verify_directly_issued_by(first)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    assert keys.client.parent.stat().st_mode & 0o777 == 0o700
    for path in (keys.authority, keys.server, keys.client):
        assert path.stat().st_mode & 0o777 == 0o600


def test_signing_key_is_nowhere(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    assert b"PRIVATE" not in keys.authority.read_bytes()
    assert keys.server.read_bytes().count(b"BEGIN PRIVATE") == 1


def test_clocks_may_be_wrong_by_two_days(tmp_path: Path) -> None:
    certificates = x509.load_pem_x509_certificates(make_keys(tmp_path, days=1).client.read_bytes())
    for one in certificates:
        assert (one.not_valid_after_utc - one.not_valid_before_utc).days == 5


def test_strict_verification_takes_them(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    server = server_context(keys)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    client.load_verify_locations(keys.authority)
    ends = [ssl.MemoryBIO() for _ in range(2)]
    here = client.wrap_bio(ends[0], ends[1], server_hostname=SERVER_NAME)
    there = server.wrap_bio(ends[1], ends[0], server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        here.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        there.do_handshake()
    here.do_handshake()
    assert here.version() == "TLSv1.3"


def test_keys_are_found_again(tmp_path: Path) -> None:
    made = make_keys(tmp_path)
    assert keys_in(tmp_path) == made


def test_missing_file_is_named(tmp_path: Path) -> None:
    make_keys(tmp_path).server.unlink()
    with pytest.raises(SpecError, match=r"lacks server\.pem"):
        keys_in(tmp_path)


def test_files_that_are_no_keys_are_named(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    keys.server.write_text("no key")
    with pytest.raises(SpecError, match="no keys of an image server"):
        server_context(keys)


def test_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").touch()
    with pytest.raises(HostError, match="keys"):
        make_keys(tmp_path / "keys")
