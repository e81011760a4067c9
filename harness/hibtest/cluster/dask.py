"""What is said to Dask before it does anything: little is told, and no page is served to others."""

import logging
from typing import Any

import dask
from distributed import Security
from distributed.comm.addressing import get_address_host
from distributed.utils import get_ip

from hibtest.errors import HostError, SpecError

PAGES = "127.0.0.1:0"  # where Dask's own pages are served, which ask nobody who they are
_LOOPBACK = ("127.", "localhost", "[::1]", "::1")
_SCHEMES = ("tcp", "tls")
DEATHS = 3  # of workers that a run may cost before it is given up; Dask's own default, too


def quiet() -> None:
    """Have Dask keep to itself what we tell in a line of our own."""
    dask.config.set({
        "distributed.admin.log-length": 0,
        # a worker that has died is connected to for so long; Dask's own 30 s are for slower nets
        "distributed.comm.timeouts.connect": "10s",
        "distributed.worker.profile.enabled": False,
    })  # fmt: skip
    for name in list(logging.Logger.manager.loggerDict):
        if name.split(".")[0] in {"distributed", "tornado", "asyncio"}:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


def security(where: str) -> Any:
    """Return which keys are used for an address: those of Dask's configuration, if there are any.

    :raise HostError: When they cannot be read, or the address needs some and there are none.
    """
    hint = "docs/cluster.md, A lab of ten hosts"
    try:
        found: Any = Security()
    except (OSError, ValueError, ImportError) as error:
        raise HostError(f"Dask's TLS configuration: {error}", hint=hint) from error
    if where.startswith("tls:") and not found.tls_ca_file:
        raise HostError(f"{where}: Dask's configuration names no keys for TLS", hint=hint)
    return found


def address(text: str) -> str:
    """Return a scheduler's address.

    :raise SpecError: When it cannot be one.
    """
    scheme, _, rest = text.partition("://")
    host, _, port = rest.rpartition(":")
    if scheme not in _SCHEMES or not host or not (port.isascii() and port.isdigit()):
        raise SpecError(f"{text!r} is no address of a scheduler", hint="tcp://HOST:PORT, or tls://")
    if int(port) > 65535:
        raise SpecError(f"{text!r}: there is no port {port}", hint="0 to 65535")
    return text


def is_loopback(where: str) -> bool:
    """Return whether an address is reached from this host alone."""
    return get_address_host(where).startswith(_LOOPBACK)


def towards(where: str) -> str:
    """Return the address of this host that another one sees.

    :raise HostError: When there is no way there.
    """
    host = get_address_host(where)
    try:
        found: str = get_ip(host)
    except (OSError, ValueError) as error:
        raise HostError(f"there is no way to {where}: {error}") from error
    return "127.0.0.1" if is_loopback(where) else found
