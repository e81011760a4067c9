"""The firmware's memory map of a boot, as its log tells it, beside that of the save boot.

The kernel compares the same before it restores an image (hibtest/image/e820.py).
"""

from pathlib import Path

from hibtest.errors import SpecError
from hibtest.image.e820 import MemoryMap, log_map

_MOST = 1 << 18  # bytes of a log in which the map stands: it is among the first lines
_AGAIN = "hibtest: kexec starts"  # images/templates/early-init.sh.j2


def map_in(directory: Path) -> MemoryMap | None:
    """Return the memory map that a boot's log tells; ``None`` when it tells none.

    It is that of the kernel which went on, where one started another by kexec.

    :param directory: The boot's.
    :raise OSError: When the log cannot be read.
    """
    log = directory / "console.log"
    if not log.exists():
        return None
    with log.open("rb") as file:
        text = file.read(_MOST).decode(errors="replace")
    try:
        return log_map(text.rpartition(_AGAIN)[2])
    except SpecError:
        return None
