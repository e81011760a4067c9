"""Runs one job in a process of its own: ``python -m hibtest.cli.worker RUN_DIRECTORY``.

Events go to standard output, a line each, and to events.jsonl. A process per run keeps runs
apart: one that goes wrong takes no other with it, and its machines die with it.
"""

import signal
import sys
from pathlib import Path
from types import FrameType

from hibtest.errors import ExitStatus, HibtestError
from hibtest.events import fan_out
from hibtest.evidence import read_json
from hibtest.job import Job
from hibtest.report.jsonl import to_file, to_stream
from hibtest.runner import run
from hibtest.verdict import settled


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # once is enough: a second signal must not cut the clean-up short
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    """Run the job of the directory named on the command line."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    directory = Path(sys.argv[1])
    try:
        job = read_json(directory / "job.json", Job)
        with to_file(directory / "events.jsonl") as file:
            run(job, fan_out(file, to_stream(sys.stdout.buffer)), settled)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:  # whoever listened is gone
        return ExitStatus.UNAVAILABLE
    except (HibtestError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return ExitStatus.UNAVAILABLE
    return ExitStatus.EXPECTED


if __name__ == "__main__":
    sys.exit(main())
