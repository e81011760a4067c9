"""The server: it listens, checks who is there, and gives each client a thread."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hibtest.deadline import Deadline
from hibtest.errors import HostError
from hibtest.imageserver.door import MOST, Door
from hibtest.imageserver.keys import Keys, server_context
from hibtest.imageserver.session import Happening, Note, Session, What
from hibtest.imageserver.store import Store, open_store

Sink = Callable[[Happening], None]

_CLIENTS = 8  # at once that have shown a certificate; a machine needs one
_HANDSHAKE_LIMIT = 20.0  # s for TLS with a guest under emulation; a second on an idle host
_SILENCE_LIMIT = 300.0  # s without a byte; a guest takes its snapshot in the meantime
_END_LIMIT = 10.0  # s for the threads to end


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
        self._lock = threading.Lock()
        self._door = Door()
        self._threads: set[threading.Thread] = set()
        self._clients: set[ssl.SSLSocket] = set()
        self._ending = False

    def accept(self) -> None:
        """Admit clients until the listening socket is shut down."""
        while True:
            try:
                sock, peer = self._listener.accept()
            except ConnectionError:  # a client that was gone before its turn
                continue
            except OSError:
                return
            self._admit(sock, peer[0], f"{peer[0]}:{peer[1]}")

    def hang_up(self) -> None:
        """Break off with all clients and wait until their threads have ended.

        :raise HostError: When one does not end: what is stored is then not certain.
        """
        deadline = Deadline.after(_END_LIMIT, "the end of the image server's threads")
        self._door.shut()
        with self._lock:
            self._ending = True
            threads = tuple(self._threads)
            for sock in self._clients:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(deadline.remaining)
            if thread.is_alive():
                raise HostError(f"the image server's {thread.name} does not end")

    def _admit(self, sock: socket.socket, address: str, peer: str) -> None:
        thread = threading.Thread(
            target=self._serve, args=(sock, address, peer), name=f"client {peer}", daemon=True
        )
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _serve(self, sock: socket.socket, address: str, peer: str) -> None:
        def note(what: What, text: str, count: int) -> None:
            self._note(peer, what, text, count)

        try:
            with self._shake_hands(sock, address) as secured:
                self._talk(secured, note)
        except OSError as error:
            note(What.REFUSED, f"no TLS with a certificate of ours: {_reason(error)}", 0)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _shake_hands(self, sock: socket.socket, address: str) -> ssl.SSLSocket:
        """Do a handshake; however slowly it comes, it has one time limit."""
        waiting = sock.dup()  # TLS takes over the other
        gone = self._door.enter(waiting, address)
        if gone is not None:
            self._note(gone, What.REFUSED, f"{MOST} others had shown no certificate either", 0)
        try:
            with sock:
                sock.settimeout(_HANDSHAKE_LIMIT)
                return self._tls.wrap_socket(sock, server_side=True)
        finally:
            self._door.leave(waiting)

    def _talk(self, secured: ssl.SSLSocket, note: Note) -> None:
        secured.settimeout(_SILENCE_LIMIT)
        session = Session(secured, self._store, note)
        with self._lock:
            if self._ending:
                return
            full = len(self._clients) >= _CLIENTS
            if not full:
                self._clients.add(secured)
        if full:
            session.turn_away(f"{_CLIENTS} clients are there already")
            return
        try:
            session.run()
        finally:
            with self._lock:
                self._clients.discard(secured)

    def _note(self, peer: str, what: What, text: str, count: int) -> None:
        t = round(time.monotonic() - self._began, 3)
        self._sink(Happening(t=t, what=what, peer=peer, text=text, bytes=count))


@contextmanager
def serving(
    store: Path,
    keys: Keys,
    address: tuple[str, int] = ("127.0.0.1", 0),
    sink: Sink = lambda _: None,
    *,
    overwrite: bool = False,
) -> Iterator[ImageServer]:
    """Serve an image until the block is left.

    :param store: The image's file; made when an image has come.
    :param address: Where to listen; port 0 is a free one.
    :param sink: Is called with what happens, from the server's threads.
    :param overwrite: Whether what the file holds may be lost, if it is no image.
    :raise HostError: When the address or the file cannot be had.
    :raise SpecError: When the keys cannot be used.
    """
    with ExitStack() as stack:
        tls = server_context(keys)
        place = stack.enter_context(open_store(store, overwrite=overwrite))
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
