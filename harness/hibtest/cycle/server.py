"""The image server beside a run whose agent writes to one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hibtest.cycle.lab import Lab
from hibtest.cycle.storage.targets import KEYS, STORED
from hibtest.evidence import to_json
from hibtest.imageserver import Happening, keys_in, serving
from hibtest.spec import Target

LOG = "server.jsonl"


@contextmanager
def served(lab: Lab) -> Iterator[Lab]:
    """Run an image server until left, if the scenario has one; what happens goes to a file.

    :raise HostError: When it cannot listen, or its files cannot be written.
    """
    if lab.storage.target is not Target.SERVER:
        yield lab
        return
    note = _Notes(lab.job.directory / LOG)
    keys = keys_in(lab.job.directory / KEYS)
    with serving(lab.job.directory / STORED, keys, sink=note) as server:
        yield replace(lab, server=server)


class _Notes:
    """Writes one JSON line for each happening; called from the server's threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, happening: Happening) -> None:
        line = b" ".join(to_json(happening).split())
        with self._lock, self._path.open("ab") as file:
            file.write(line + b"\n")
