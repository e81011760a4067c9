"""The disk that swap lives on."""

import os
import subprocess
from pathlib import Path

from hibtest.errors import HostError
from hibtest.machine.disk import sparse
from hibtest.spec import Layout, NoSwap

# A fixed UUID: two runs of one scenario start from the same bytes.
_UUID = "68696274-6573-7400-0000-000000000001"


def make_swap_disk(layout: Layout, path: Path) -> None:
    """Make the swap disk of a layout, a sparse raw file.

    Raw, not qcow2: the host reads the image from it in place.

    :raise HostError: When the file cannot be written, or mkswap is missing or fails.
    """
    sparse(path, layout.size_mib)
    if isinstance(layout, NoSwap):
        return
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
