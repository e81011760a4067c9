"""Whether a block device can keep an image: it must take writes while all else stands still, and
have them still when the power is back.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from hibtest.agent.errors import AgentError, from_os
from hibtest.agent.needed.blocks import BLOCKS, whole
from hibtest.agent.needed.tree import Tree
from hibtest.linux import devices

_LOST = "it is memory, and lost when the power is off"
# A loop device's worker stands still once the snapshot is made: WQ_FREEZABLE, loop_configure(),
# drivers/block/loop.c (6.1 to 7.3). The servers of the others may be processes of this machine.
_UNFIT = {
    "loop": "its worker stands still after the snapshot",
    "nbd": "its server may be a process of this machine, which stands still after the snapshot",
    "ublkb": "its server is a process, which stands still after the snapshot",
    "zram": _LOST,
    "ram": _LOST,
}
_KIND = re.compile(rf"({'|'.join(_UNFIT)})\d+")


def require(path: str) -> None:
    """See that a device can keep an image.

    :raise AgentError: When it cannot, or is no block device.
    """
    why = why_not(path)
    if why:
        raise AgentError(f"{path} cannot keep an image: {why}", "name a disk, or a server")


def why_not(path: str) -> str:
    """Return why a device cannot keep an image, empty when it can.

    :raise AgentError: When it is no block device.
    """
    try:
        facts = Path(path).stat()
    except OSError as error:
        raise from_os(path, error, "name a block device that is there") from error
    if not stat.S_ISBLK(facts.st_mode):
        # A file lies on a file system, which the saved life has mounted: nobody may write to it
        # once the snapshot is made.
        raise AgentError(
            f"{path} is no block device",
            "an image in a file would write to a file system after the snapshot",
        )
    return _unfit(Tree(), devices.number(facts.st_rdev))


def _unfit(tree: Tree, number: str) -> str:
    link = tree.link(f"/sys/dev/block/{number}")
    for name in _below(tree, link.rpartition("/")[2]):
        kind = _KIND.fullmatch(name)
        if kind:
            return f"{_UNFIT[kind[1]]} ({name})"
    return ""


def _below(tree: Tree, name: str) -> Iterator[str]:
    """Yield a device, its disk if it is a partition, and all that it is made of."""
    yield name
    yield whole(tree, name)
    for slave in tree.names(f"{BLOCKS}/{name}/slaves"):
        yield from _below(tree, slave)
