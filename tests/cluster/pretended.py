"""A worker of a cluster whose runs are scripts, as ``python -m tests.cluster.pretended``."""

import signal
import sys

from hibtest.cluster.node import serve
from hibtest.errors import HibtestError


def main(script: str, scheduler: str, seats: str, name: str) -> int:
    """Serve until the scheduler is gone, or SIGTERM comes."""
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
