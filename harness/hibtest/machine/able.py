"""What a QEMU can be asked for: it is asked, by QMP, on a machine that is none."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import msgspec

from hibtest.errors import QemuError

_LIMIT = 20.0  # s
_ASKED = ("qmp_capabilities", "query-machines", "query-cpu-definitions", "quit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Able:
    """What a QEMU can be asked for.

    :ivar machines: How many vCPUs each machine type takes, by its names.
    :ivar models: The vCPU models.
    """

    machines: Mapping[str, int]
    models: frozenset[str]


class _Machine(msgspec.Struct, rename="kebab"):
    name: str
    cpu_max: int
    alias: str = ""


class _Model(msgspec.Struct):
    name: str


@cache
def able(qemu: str) -> Able:
    """Ask a QEMU, once: qapi/machine.json, QEMU 7.2 to 10.0.

    :raise QemuError: When it does not answer.
    """
    words = (qemu, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "none")
    command = (*words, "-qmp", "stdio")
    asked = "".join(f'{{"execute": "{name}"}}\n' for name in _ASKED)
    try:
        done = subprocess.run(
            command, input=asked.encode(), capture_output=True, timeout=_LIMIT, check=False
        )
        _, machines, models = _answers(done.stdout)[:3]
        found = msgspec.convert(machines, list[_Machine])
        known = msgspec.convert(models, list[_Model])
    except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError, ValueError) as error:
        raise QemuError(f"{qemu} does not say what it can do: {error}", argv=command) from error
    names = {name: one.cpu_max for one in found for name in (one.name, one.alias) if name}
    return Able(machines=names, models=frozenset(one.name for one in known))


def _answers(output: bytes) -> list[object]:
    lines = (msgspec.json.decode(line) for line in output.splitlines())
    return [line["return"] for line in lines if isinstance(line, dict) and "return" in line]
