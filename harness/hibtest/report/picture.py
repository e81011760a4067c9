"""Pictures of graphs: graphviz's language to SVG, by its program ``dot``."""

import logging
import shutil
import subprocess
from pathlib import Path

from hibtest.errors import HostError

log = logging.getLogger(__name__)

PROGRAM, PACKAGE = "dot", "graphviz"
_LIMIT = 60.0  # s; the graphs are small


def draw(text: str, path: Path) -> Path:
    """Keep a graph beside its picture: ``NAME.dot`` and ``NAME.svg``.

    :param text: The graph in graphviz's language.
    :param path: ``NAME``, its directory included; an ending is replaced.
    :return: The picture, or the .dot file alone where graphviz is missing, which is logged.
    :raise HostError: When graphviz cannot draw it, or a file cannot be written.
    """
    source = path.with_suffix(".dot")
    _write(source, text.encode())
    if shutil.which(PROGRAM) is None:
        log.warning("%s: no picture of it: %s is missing: apt install %s", source, PROGRAM, PACKAGE)
        return source
    argv = [PROGRAM, "-Tsvg", str(source)]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"{source}: {PROGRAM} did not draw it: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise HostError(f"{source}: {PROGRAM} ended with status {done.returncode}: {said}")
    picture = path.with_suffix(".svg")
    _write(picture, done.stdout)
    return picture


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".partial")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror}") from error
