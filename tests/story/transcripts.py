"""Transcripts of real guests, and what is told of each.

They are serial consoles with 2 vCPUs (``noresume``: 1), from early userspace on:

``save``, ``resume``, ``no-swap``  the kernel hibernates in mode ``platform``, and is resumed
``shutdown``                       it hibernates in that mode
``no-freeze``                      a process reads from a device-mapper target that is suspended
``damaged``                        a resume from an image with a page that was written over
``noresume``                       a resume boot with that word
``agent-save``, ``agent-resume``   the agent does, with freezer, to a disk of its own
``agent-damaged``, ``agent-no-image``   a resume from that disk with a bit flipped, with zeros
``dying``                          a program crashes, a disk cannot be read, the kernel panics

told.txt has, for each, the marks that its lines are, the stages it goes through, and its causes;
``progress*20`` is that mark 20 times.
"""

from pathlib import Path

KLOG = Path(__file__).with_name("klog")
KERNELS = ("bookworm", "trixie", "backports")
NAMES = tuple(sorted(path.stem for path in KLOG.iterdir()))
_TOLD = Path(__file__).with_name("told.txt")


def text_of(name: str) -> str:
    """Return a transcript."""
    return (KLOG / f"{name}.log").read_text(errors="replace")


def lines_of(name: str) -> list[str]:
    """Return the lines of a transcript."""
    return text_of(name).splitlines()


def told(name: str) -> dict[str, list[str]]:
    """Return what is told of a transcript: ``marks``, ``stages``, ``causes``."""
    blocks = _TOLD.read_text().strip().split("\n\n")
    [block] = [block for block in blocks if block.startswith(f"{name}\n")]
    rows = (row.split() for row in block.splitlines()[1:])
    return {row[0].rstrip(":"): [one for word in row[1:] for one in _times(word)] for row in rows}


def _times(word: str) -> list[str]:
    name, _, count = word.partition("*")
    return [name] * int(count or 1)
