"""A worker of a cluster whose runs are scripts, as ``python -m tests.cluster.pretended``."""

import signal
import sys
from collections.abc import Iterable

import pytest

from hibtest import images
from hibtest.bench import able
from hibtest.cluster import node
from hibtest.cluster.node import serve
from hibtest.errors import HibtestError
from hibtest.store import Store, cache_dir
from tests.cluster.lab import stock


def _build(_names: Iterable[str]) -> None:
    stock(Store(cache_dir()))


def main(script: str, scheduler: str, seats: str, name: str, memory: str) -> int:
    """Serve until the scheduler is gone, or SIGTERM comes.

    :param memory: What the host has, in MiB; 0: what this one has.
    """
    patch = pytest.MonkeyPatch()
    patch.setattr(images, "build", _build)
    if int(memory):
        for module in (node, able):
            patch.setattr(module, "available", lambda: int(memory))
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    sys.executable = script  # what bench.work starts for a run
    try:
        serve(scheduler, int(seats), name, "", lambda text: print(text, flush=True))
    except HibtestError as error:
        print(error, flush=True)
    except KeyboardInterrupt:
        return 130
    return 69


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
