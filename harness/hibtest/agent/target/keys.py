"""The keys of an image server's client: one file, or one raw disk, of PEM.

First the certificate of the authority that is trusted, then the client's own, then its private
key; newlines fill the last sector. (hibtest/imageserver/keys.py makes it.)
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import NamedTuple

from hibtest.agent.errors import AgentError
from hibtest.linux.descriptors import closing

_LIMIT = 64 << 10
_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n", re.DOTALL)
_REMEDY = "give the client.pem that `hibtest image-server` made"


class ClientKeys(NamedTuple):
    """A client's keys, as PEM.

    ``authority`` is the certificate that is trusted, ``own`` the client's certificate and its
    private key.
    """

    authority: str
    own: bytes


def read_keys(path: str) -> ClientKeys:
    """Read a client's keys from a file or a disk.

    :raise AgentError: When they cannot be read, or are not there.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LIMIT)
    except OSError as error:
        raise AgentError(f"keys {path}: {error.strerror}", _REMEDY) from error
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(text)]
    kinds = [kind.decode() for kind, _ in blocks]
    if kinds != ["CERTIFICATE", "CERTIFICATE", "PRIVATE KEY"]:
        found = ", ".join(kinds) or "nothing"
        raise AgentError(
            f"keys {path}: {found} found, not two certificates and a private key", _REMEDY
        )
    (_, authority), (_, certificate), (_, private) = blocks
    return ClientKeys(authority.decode(), certificate + private)


def client_context(keys: ClientKeys) -> ssl.SSLContext:
    """Return what a client speaks TLS with: version 1.3, and with a server of these keys alone.

    :raise AgentError: When the keys cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cadata=keys.authority)
        _load_own(context, keys.own)
    except OSError as error:  # ssl.SSLError is one
        raise AgentError(f"the keys cannot be used: {error}", _REMEDY) from error
    return context


# ssl takes a certificate from a file only; this one is in memory, and nobody else sees it.
def _load_own(context: ssl.SSLContext, own: bytes) -> None:
    with closing(os.memfd_create("keys")) as fd:
        os.write(fd, own)
        context.load_cert_chain(f"/proc/self/fd/{fd}")
