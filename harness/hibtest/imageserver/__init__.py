"""A server that keeps one machine's hibernation image, over TLS.

    keys = make_keys(run / "keys")
    with serving(run / "image.hib", keys) as server:
        ...  # a guest saves to server.address with the keys of keys.client

The image is all of a machine's memory, so both sides prove who they are, by certificates that
are made for one run. What the server stores is what was checked: an upload that is cut off or
altered leaves nothing that could be resumed. One server keeps the image of one machine.

* ``keys.py``: the certificates
* ``frames.py``: the image's stream and its commit record, checked as they arrive
* ``store.py``: the file
* ``message.py``: requests and answers
* ``session.py``: what one client asks for
* ``door.py``: those who have shown no certificate yet
* ``server.py``: sockets, threads, and what happened
"""

from hibtest.imageserver.keys import Keys, keys_in, make_keys
from hibtest.imageserver.server import ImageServer, serving
from hibtest.imageserver.session import Happening, What

__all__ = ["Happening", "ImageServer", "Keys", "What", "keys_in", "make_keys", "serving"]
