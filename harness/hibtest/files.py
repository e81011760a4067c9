"""Files that others read: whole, or not there."""

import errno
import os
import shutil
from pathlib import Path

from hibtest.errors import HostError


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


def as_host_error(error: OSError) -> HostError:
    """Return the error of this host that a failed operation on a file amounts to."""
    what = f"{error.filename}: " if error.filename else ""
    hint = "see `hibtest doctor`"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = _free_mib(Path(error.filename).parent) if error.filename else None
        known = "" if free is None else f"{free} MiB are free there: "
        hint = f"{known}free some room, or use --runs DIR"
    return HostError(f"{what}{error.strerror or error}", hint=hint)


def _remedy(path: Path, size: int) -> str:
    free = _free_mib(path.parent)
    if free is None:
        return "see that its directory is there and can be written"
    return f"{-(-size // 1024)} KiB are needed, {free} MiB are free there"


def _free_mib(directory: Path) -> int | None:
    try:
        return shutil.disk_usage(directory).free >> 20
    except OSError:
        return None
