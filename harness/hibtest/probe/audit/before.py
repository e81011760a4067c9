"""The state before the hibernation, kept for the comparison after it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hibtest.probe import places
from hibtest.probe.audit import devices, memory, power, symbols, variables
from hibtest.probe.base import RUN, Facts, Lacking, ProbeError
from hibtest.probe.detached import child

FILE = "before.json"
SYMBOLS = "symbols.json"


def find_symbols(run: Path) -> int:
    """Start to look for the kernel's variables, in a child: it takes a while."""

    def find() -> None:
        table: list[symbols.Symbol] = []
        lacking = ""
        try:
            table = symbols.table((*variables.NAMES, *places.NAMES))
        except (Lacking, OSError, ValueError) as error:
            lacking = str(error)
        found = {"places": places.places(table), **known(table, lacking)}
        (run / SYMBOLS).write_text(json.dumps(found))

    return child(find)


def known(table: list[symbols.Symbol], lacking: str) -> Facts:
    """Return the kernel's variables, or why they are not known."""
    addresses = symbols.addresses(table, variables.NAMES)
    try:
        values = variables.values(addresses)
    except (Lacking, OSError, ValueError) as error:
        return {"addresses": {}, "variables": {}, "variables_lacking": lacking or str(error)}
    return {"addresses": addresses, "variables": values, "variables_lacking": lacking}


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
