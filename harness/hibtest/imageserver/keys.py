"""Certificates for one server and one client, and the file that the client gets.

Whoever signed them is forgotten at once, so there is never a third. The client knows its server
by that signature and by a name that is the same everywhere: no address stands in a certificate.
"""

import datetime
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hibtest.errors import HostError, SpecError

SERVER_NAME = "image-server.hibtest"
_SLACK = datetime.timedelta(days=2)  # by which the guest's clock may be wrong, either way
_SECTOR = 512
_PRIVATE = 0o600

_KEY = ec.SECP256R1()


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Where the keys of a server and its client lie.

    :ivar authority: The certificate that both sides trust.
    :ivar server: The server's certificate and private key.
    :ivar client: All that the client needs, and nobody else may have: the authority's certificate,
        its own and its private key. A multiple of 512 bytes, so it can be a disk.
    """

    authority: Path
    server: Path
    client: Path


CLIENT = "client.pem"


def _named(directory: Path) -> Keys:
    return Keys(
        authority=directory / "authority.pem",
        server=directory / "server.pem",
        client=directory / CLIENT,
    )


def keys_in(directory: Path) -> Keys:
    """Return the keys of a directory.

    :raise SpecError: When some are not there.
    """
    keys = _named(directory)
    missing = [path for path in (keys.authority, keys.server, keys.client) if not path.is_file()]
    if missing:
        names = ", ".join(path.name for path in missing)
        raise SpecError(f"{directory} lacks {names}", hint="remove it, to have keys made anew")
    return keys


def make_keys(directory: Path, *, days: int = 7) -> Keys:
    """Make keys for one server and one client.

    :param directory: Where they are put; made when it is not there.
    :param days: How long they are good for, besides two more days at either end.
    :raise HostError: When they cannot be written.
    """
    now = datetime.datetime.now(datetime.UTC)
    signer = _Signer(now - _SLACK, now + datetime.timedelta(days=days) + _SLACK)
    server = signer.sign("server", ExtendedKeyUsageOID.SERVER_AUTH, (SERVER_NAME,))
    client = signer.sign("client", ExtendedKeyUsageOID.CLIENT_AUTH, ())
    authority = _pem(signer.certificate)
    keys = _named(directory)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(keys.authority, authority)
        _write(keys.server, server)
        _write(keys.client, _padded(authority + client))
    except OSError as error:
        raise HostError(f"{error.filename}: {error.strerror}", hint="put them elsewhere") from error
    return keys


def server_context(keys: Keys) -> ssl.SSLContext:
    """Return what a server speaks TLS with: version 1.3, and with a client of these keys alone.

    :raise SpecError: When the keys cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # nothing is to be read by a client but answers
    try:
        context.load_verify_locations(keys.authority)
        context.load_cert_chain(keys.server)
    except OSError as error:  # ssl.SSLError is one
        raise SpecError(
            f"{keys.server.parent} holds no keys of an image server: {error}",
            hint="remove it, to have keys made anew",
        ) from error
    return context


class _Signer:
    """An authority; its private key is nowhere but here."""

    def __init__(self, begin: datetime.datetime, end: datetime.datetime) -> None:
        self._key = ec.generate_private_key(_KEY)
        self._begin = begin
        self._end = end
        self._name = _name("hibtest image server authority")
        builder = self._builder(self._name, self._key.public_key(), may_sign=True)
        self.certificate = builder.sign(self._key, hashes.SHA256())

    def sign(self, what: str, usage: x509.ObjectIdentifier, names: Sequence[str]) -> bytes:
        """Return a new certificate and its private key, as PEM."""
        key = ec.generate_private_key(_KEY)
        builder = self._builder(_name(f"hibtest image {what}"), key.public_key(), may_sign=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return _pem(builder.sign(self._key, hashes.SHA256())) + private

    def _builder(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, *, may_sign: bool
    ) -> x509.CertificateBuilder:
        ours = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._begin)
            .not_valid_after(self._end)
            .add_extension(x509.BasicConstraints(may_sign, 0 if may_sign else None), critical=True)
            .add_extension(_usage(may_sign=may_sign), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
        )


def _usage(*, may_sign: bool) -> x509.KeyUsage:
    others = ("crl_sign", "content_commitment", "key_encipherment", "data_encipherment")
    nothing = dict.fromkeys((*others, "key_agreement", "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not may_sign, key_cert_sign=may_sign, **nothing)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _padded(text: bytes) -> bytes:
    return text + b"\n" * (-len(text) % _SECTOR)


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
    part.rename(path)
