"""Files that others read: whole, or not there."""

import os
import shutil
from pathlib import Path

from harness.errors import HostError


def whole(path: Path, data: bytes) -> None:
    """Write a file under another name, have the disk hold it, and rename it into place.

    Whoever reads the file finds all of it, or what was there before.

    :raise HostError: When it cannot be written; says how much is needed and how much is free.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise HostError(f"{path}: {error.strerror}", hint=_remedy(path, len(data))) from error


def _remedy(path: Path, size: int) -> str:
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return "see that its directory is there and can be written"
    return f"{-(-size // 1024)} KiB are needed, {free >> 20} MiB are free there"
