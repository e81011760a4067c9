"""Traffic over TCP in a guest: numbered blocks, each compared where it arrives, and counted.

It sends to itself until it is killed, and prints nothing as long as all is well.
"""

import socket
import struct
import threading
from pathlib import Path

COUNT = Path("/run/traffic")
BLOCK = 64 << 10


def block(number: int) -> bytes:
    """Return the content of a block: its number, again and again."""
    return struct.pack("<Q", number) * (BLOCK // 8)


def send(port: int) -> None:
    """Send blocks for ever."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        number = 0
        while True:
            link.sendall(block(number))
            number += 1


def receive(listener: socket.socket) -> None:
    """Compare blocks for ever, and count them."""
    link, _ = listener.accept()
    number = 0
    with link:
        while True:
            if link.recv(BLOCK, socket.MSG_WAITALL) != block(number):
                raise SystemExit(f"block {number} is not what was sent")
            number += 1
            part = COUNT.with_suffix(".part")
            part.write_text(str(number))
            part.rename(COUNT)


if __name__ == "__main__":
    here = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=send, args=(here.getsockname()[1],), daemon=True).start()
    receive(here)
