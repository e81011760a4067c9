"""An authenticated SSH connection to a guest, and how one is made.

The guest's SSH server may not be up yet, its host key is pinned, and nothing of the user's own
SSH setup (agent, keys, known hosts, configuration) takes part.
"""

import base64
import binascii
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from hibtest.deadline import Deadline, DeadlineExpired, poll
from hibtest.errors import GuestError, HostError

_LOOPBACK = "127.0.0.1"
_USER = "root"
# One attempt may take this many seconds, then twice as many, up to the limit; half of it for the
# first word. QEMU's user network accepts a connection long before the guest does, keeps silent,
# and asks the guest ever more seldom: then a new attempt is answered sooner.
_PATIENCE = 4.0
_PATIENCE_LIMIT = 16.0
_LAST_TRY = 0.5
_GRACE = 0.05  # the cut comes a little after the deadline, so that it is seen to have passed

_STRANGER = "a machine of another run may hold the port"
_REBUILD = "`hibtest images build` makes the keys"

# What paramiko has to say is in the exceptions it raises; its log is for its own developers.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


class Link:
    """One connection: its socket and paramiko's transport over it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.transport = paramiko.Transport(sock)
        self._cheapest()

    def _cheapest(self) -> None:
        # the guest computes its side under emulation: what takes it the fewest instructions
        options = self.transport.get_security_options()
        options.kex = ("curve25519-sha256@libssh.org",)
        options.key_types = ("ssh-ed25519",)
        options.ciphers = ("aes128-ctr",)
        options.digests = ("hmac-sha2-256",)

    @property
    def alive(self) -> bool:
        """Whether the connection is still up as far as this side can tell."""
        return self.transport.is_active()

    @contextmanager
    def limited(self, deadline: Deadline) -> Iterator[None]:
        """Cut the connection if the body, which blocks in paramiko, outlives the deadline.

        :raise DeadlineExpired: When it did.
        :raise GuestError: When the connection fails.
        """
        cutter = threading.Timer(deadline.remaining + _GRACE, self._cut)
        cutter.daemon = True
        cutter.start()
        try:
            yield
        except (OSError, EOFError, paramiko.SSHException) as error:
            if deadline.expired:
                raise DeadlineExpired(deadline) from error
            # what ended the connection says more than what could not be done without it
            why = _say(self.transport.saved_exception or error)
            raise GuestError(f"the SSH connection to the guest failed: {why}") from error
        finally:
            cutter.cancel()

    def _cut(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is cut already

    def close(self) -> None:
        """End the connection and its thread; a guest that is dead or stuck does not matter."""
        self._cut()
        self.transport.close()
        if self.transport.is_alive():
            self.transport.join(1.0)
        self._sock.close()


def open_link(
    port: int, key: Path, host_key: str, deadline: Deadline, gone: Callable[[], bool]
) -> Link:
    """Connect as root; parameters and errors are those of :func:`hibtest.reach.shell.connect`."""
    identity = _load_key(key)
    pinned = _parse_host_key(host_key)
    patience, reason = _PATIENCE, ""

    def attempt() -> Link | None:
        nonlocal patience, reason
        try:
            limit = min(patience, max(_LAST_TRY, deadline.remaining))
            return _try(port, identity, pinned, limit)
        except (OSError, EOFError, paramiko.SSHException) as error:
            reason = _say(error)
            if gone():
                raise GuestError(f"the machine is gone; port {port}: {reason}") from error
        patience = min(2 * patience, _PATIENCE_LIMIT)
        return None

    try:
        return poll(attempt, deadline, every=0.1)
    except DeadlineExpired as error:
        error.add_note(f"last try to reach port {port}: {reason}")
        raise


def _try(port: int, identity: paramiko.PKey, pinned: paramiko.PKey, limit: float) -> Link:
    with ExitStack() as stack:
        sock = stack.enter_context(socket.create_connection((_LOOPBACK, port), timeout=limit))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(sock)
        stack.callback(link.close)
        transport = link.transport
        transport.banner_timeout = limit / 2
        transport.auth_timeout = limit
        try:
            transport.start_client(timeout=limit)
        except IncompatiblePeer as error:
            raise GuestError(
                f"port {port} is answered by no guest of ours: {_say(error)}", hint=_STRANGER
            ) from error
        if not transport.initial_kex_done:
            raise TimeoutError(f"no key exchange within {limit:.1f} s")
        _check_host_key(port, transport.get_remote_server_key(), pinned)
        _authenticate(transport, identity)
        # A server that has just been paged in may hang up once it has let us in.
        transport.global_request("keepalive@openssh.com", wait=True)
        if not transport.is_active():
            raise EOFError("it hung up once we were in")
        stack.pop_all()
        return link


def _check_host_key(port: int, found: paramiko.PKey, pinned: paramiko.PKey) -> None:
    if found.asbytes() != pinned.asbytes():
        raise GuestError(
            f"port {port} is answered by host key {found.fingerprint}, "
            f"the guest's is {pinned.fingerprint}",
            hint=_STRANGER,
        )


def _authenticate(transport: paramiko.Transport, identity: paramiko.PKey) -> None:
    try:
        transport.auth_publickey(_USER, identity)
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error) or not transport.is_active():
            raise  # slow or gone, which is no refusal: it is tried again
        raise GuestError(
            f"the guest refuses {_USER}'s SSH key {identity.fingerprint}",
            hint="`hibtest images build` makes key and disks together",
        ) from error


def _load_key(path: Path) -> paramiko.PKey:
    try:
        return paramiko.Ed25519Key.from_private_key_file(str(path))
    except OSError as error:
        raise HostError(f"SSH key {path}: {error.strerror}", hint=_REBUILD) from error
    except paramiko.SSHException as error:
        raise HostError(f"SSH key {path}: no Ed25519 key: {error}", hint=_REBUILD) from error


def _parse_host_key(text: str) -> paramiko.PKey:
    try:
        return paramiko.Ed25519Key(data=base64.b64decode(text.split()[1], validate=True))
    except (IndexError, binascii.Error, paramiko.SSHException) as error:
        raise HostError(
            f"pinned host key {text!r} is not 'ssh-ed25519 AAAA...'", hint=_REBUILD
        ) from error


def _say(error: Exception) -> str:
    return str(error) or ("it hung up" if isinstance(error, EOFError) else type(error).__name__)
