"""``hibtest agent-zipapp``: the userspace agent as one file, for a machine of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hibtest.errors import ExitStatus, HostError


def agent_zipapp(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to, such as agent.pyz.")],
) -> int:
    """Write the userspace agent: one file for any Linux machine with Python."""
    from hibtest import zipapp

    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(zipapp.agent())
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise HostError(f"{file}: {error.strerror}", hint="name another file") from error
    print(f"{file}: python3 {file} --help")
    return ExitStatus.EXPECTED
