"""``hibtest image-server``: keep the hibernation image of a machine, real or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.errors import ExitStatus, SpecError
from hibtest.printable import printable

if TYPE_CHECKING:
    from hibtest.imageserver import Happening, Keys

_DAYS = 365  # keys of a real machine; those of a run are good for a week


def image_server(
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0: a free one.")
    ],
    keys: Annotated[
        Path, typer.Option(metavar="DIR", help="The keys; made when the directory is not there.")
    ],
    store: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the image is kept. It is all of a memory.")
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="What FILE holds may be lost, if it is no image.")
    ] = False,
) -> int:
    """Receive a machine's image over TLS, and give it back for one resume."""
    from threading import Event

    from hibtest.imageserver import serving

    address = _address(listen)
    found = _keys(keys)
    with serving(store, found, address, _tell, overwrite=overwrite) as server:
        host, port = server.address
        shown = f"[{host}]" if ":" in host else host
        try:
            print(f"the machine that hibernates needs {found.client}, and nobody else may have it")
            print(f"listening on {shown}:{port}", flush=True)
            Event().wait()
        except KeyboardInterrupt:
            print("ended")
    return ExitStatus.EXPECTED


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise SpecError(f"--listen {text!r} is not HOST:PORT", hint="such as 192.0.2.1:7000")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _keys(directory: Path) -> Keys:
    from hibtest.imageserver import keys_in, make_keys

    if directory.is_dir() and any(directory.iterdir()):
        return keys_in(directory)
    made = make_keys(directory, days=_DAYS)
    print(f"made keys in {directory}, good for {_DAYS} days")
    return made


def _tell(happening: Happening) -> None:
    size = f" {happening.bytes >> 20} MiB" if happening.bytes else ""
    text = f": {printable(happening.text)}" if happening.text else ""
    print(f"{happening.t:9.1f} s  {happening.peer}  {happening.what}{size}{text}", flush=True)
