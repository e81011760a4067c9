"""Where swap lives."""

import os
import subprocess
from pathlib import Path

from hibtest.cycle.storage.part import Make, NewDisk, Part, by_serial, zeros
from hibtest.errors import HostError
from hibtest.machine.disk import sparse
from hibtest.spec import GuestFiles, Layout, NoSwap

# A fixed UUID: two runs of one scenario start from the same bytes.
_UUID = "68696274-6573-7400-0000-000000000001"


def swap_part(layout: Layout) -> Part:
    """Return what a layout brings along.

    Raw, not qcow2: the host reads the image from it in place.
    """
    serial, file, size = "swap", "swap.raw", layout.size_mib
    make = zeros(size) if isinstance(layout, NoSwap) else _formatted(size)
    disk = NewDisk(serial=serial, file=file, make=make)
    return Part(disks=(disk,), device=by_serial(serial), file=file)


def _formatted(size_mib: int) -> Make:
    def make(path: Path, _: GuestFiles) -> None:
        mkswap(sparse(path, size_mib))

    return make


def mkswap(path: Path) -> None:
    """Make a raw disk a swap.

    :raise HostError: When mkswap is missing or fails.
    """
    argv = ["mkswap", "--quiet", "--uuid", _UUID, "--label", "hibtest", os.fspath(path)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=_env())
    except FileNotFoundError as error:
        raise HostError("mkswap is missing", hint="apt-get install util-linux") from error
    if done.returncode:
        raise HostError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")


def _env() -> dict[str, str]:
    # mkswap lives in /sbin, which is not on every user's path
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C"}
