"""The server: it listens, checks who is there, and gives each client a thread."""

import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from harness.deadline import Deadline
from harness.errors import HostError
from harness.imageserver.keys import Keys, server_context
from harness.imageserver.session import Happening, Session, What
from harness.imageserver.store import Store, open_store

Sink = Callable[[Happening], None]

_CLIENTS = 8  # at once; a machine needs one
_HANDSHAKE_LIMIT = 20.0  # s for TLS with a guest under emulation; a second on an idle host
_SILENCE_LIMIT = 300.0  # s without a byte; a guest takes its snapshot in the meantime
_END_LIMIT = 10.0  # s for the threads to end
_KEPT = 1000  # happenings


class ImageServer:
    """A server that runs; made by :func:`serving`.

    :ivar address: ``(host, port)`` it listens on.
    """

    def __init__(
        self, listener: socket.socket, tls: ssl.SSLContext, store: Store, sink: Sink
    ) -> None:
        host, port = listener.getsockname()[:2]
        self.address: tuple[str, int] = (host, port)
        self._listener = listener
        self._tls = tls
        self._store = store
        self._sink = sink
        self._began = time.monotonic()
        self._happened: deque[Happening] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._clients: dict[threading.Thread, socket.socket] = {}

    @property
    def happened(self) -> tuple[Happening, ...]:
        """What has happened so far: the last 1000."""
        with self._lock:
            return tuple(self._happened)

    def accept(self) -> None:
        """Admit clients until the listening socket is shut down."""
        while True:
            try:
                sock, peer = self._listener.accept()
            except ConnectionError:  # a client that was gone before its turn
                continue
            except OSError:
                return
            self._admit(sock, f"{peer[0]}:{peer[1]}")

    def hang_up(self) -> None:
        """Break off with all clients and wait until their threads have ended.

        :raise HostError: When one does not end: what is stored is then not certain.
        """
        deadline = Deadline.after(_END_LIMIT, "the end of the image server's threads")
        with self._lock:
            threads = tuple(self._clients)
            for sock in self._clients.values():
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(deadline.remaining)
            if thread.is_alive():
                raise HostError(f"the image server's {thread.name} does not end")

    def _admit(self, sock: socket.socket, peer: str) -> None:
        thread = threading.Thread(
            target=self._serve, args=(sock, peer), name=f"client {peer}", daemon=True
        )
        with self._lock:
            full = len(self._clients) >= _CLIENTS
            if not full:
                self._clients[thread] = sock.dup()  # TLS takes over the other
        if full:
            sock.close()
            self._note(peer, What.REFUSED, f"{_CLIENTS} clients are there already", 0)
        else:
            thread.start()

    def _serve(self, sock: socket.socket, peer: str) -> None:
        def note(what: What, text: str, count: int) -> None:
            self._note(peer, what, text, count)

        try:
            with sock:
                sock.settimeout(_HANDSHAKE_LIMIT)
                with self._tls.wrap_socket(sock, server_side=True) as secured:
                    secured.settimeout(_SILENCE_LIMIT)
                    Session(secured, self._store, note).run()
        except OSError as error:
            note(What.REFUSED, f"no TLS with a certificate of ours: {_reason(error)}", 0)
        finally:
            with self._lock:
                self._clients.pop(threading.current_thread()).close()

    def _note(self, peer: str, what: What, text: str, count: int) -> None:
        t = round(time.monotonic() - self._began, 3)
        happening = Happening(t=t, what=what, peer=peer, text=text, bytes=count)
        with self._lock:
            self._happened.append(happening)
        self._sink(happening)


@contextmanager
def serving(
    store: Path,
    keys: Keys,
    address: tuple[str, int] = ("127.0.0.1", 0),
    sink: Sink = lambda _: None,
) -> Iterator[ImageServer]:
    """Serve an image until the block is left.

    :param store: The image's file; made when an image has come.
    :param address: Where to listen; port 0 is a free one.
    :param sink: Is called with what happens, from the server's threads.
    :raise HostError: When the address or the file cannot be had.
    :raise SpecError: When the keys cannot be used.
    """
    with ExitStack() as stack:
        tls = server_context(keys)
        place = stack.enter_context(open_store(store))
        listener = stack.enter_context(_listening(address))
        server = ImageServer(listener, tls, place, sink)
        thread = threading.Thread(target=server.accept, name="image server", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(_END_LIMIT)
            server.hang_up()


def _listening(address: tuple[str, int]) -> socket.socket:
    host, port = address
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where, family=family)
    except (OSError, OverflowError) as error:
        raise HostError(
            f"cannot listen on {host}:{port}: {error}", hint="choose another address"
        ) from error


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return error.strerror or str(error) or type(error).__name__
