"""Programs of this host that make what is on a disk."""

import os
import subprocess
from collections.abc import Sequence

from hibtest.errors import HostError

_PACKAGES = {"mkswap": "util-linux", "mke2fs": "e2fsprogs"}


def run(argv: Sequence[str]) -> None:
    """Run a program.

    :raise HostError: When it is missing, or fails.
    """
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=_env())
    except FileNotFoundError as error:
        hint = f"apt-get install {_PACKAGES[argv[0]]}"
        raise HostError(f"{argv[0]} is missing", hint=hint) from error
    if done.returncode:
        raise HostError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")


def _env() -> dict[str, str]:
    # they live in /sbin, which is not on every user's path
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C"}
