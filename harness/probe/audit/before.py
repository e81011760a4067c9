"""The state before the hibernation, kept for the comparison after it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from harness.probe.audit import devices, memory, power, symbols, variables
from harness.probe.base import RUN, Facts, Lacking, ProbeError
from harness.probe.detached import child

FILE = "before.json"
SYMBOLS = "symbols.json"


def find_symbols(run: Path) -> int:
    """Start to look for the kernel's variables, in a child: it takes a while."""

    def find() -> None:
        try:
            addresses = symbols.addresses(variables.NAMES)
            values = variables.values(addresses)
            found: Facts = {"addresses": addresses, "variables": values, "variables_lacking": ""}
        except (Lacking, OSError, ValueError) as error:
            found = {"addresses": {}, "variables": {}, "variables_lacking": str(error)}
        (run / SYMBOLS).write_text(json.dumps(found))

    return child(find)


def record(run: Path, finder: int) -> None:
    """Record the state in a file of this life.

    :param finder: The child that looks for symbols, see :func:`find_symbols`.
    """
    state = {"memory": memory.state(), "devices": devices.state(), "power": power.state()}
    os.waitpid(finder, 0)
    try:
        state.update(json.loads((run / SYMBOLS).read_text()))
    except FileNotFoundError as error:
        raise ProbeError("symbols", "the search for the kernel's variables failed") from error
    (run / FILE).write_text(json.dumps(state))


def recorded(run: Path = RUN) -> Facts:
    """Return what was recorded.

    :raise ProbeError: When nothing was recorded in this life.
    """
    try:
        return dict(json.loads((run / FILE).read_text()))
    except FileNotFoundError as error:
        raise ProbeError("before", "nothing was planted in this life") from error
