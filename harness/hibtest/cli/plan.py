"""What ``hibtest plan`` prints: the boots of a scenario and their command lines."""

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from hibtest import images
from hibtest.cli.prepare import QEMU
from hibtest.cycle.boot import machine_spec
from hibtest.evidence import to_json
from hibtest.machine.accel import choose
from hibtest.machine.argv import argv
from hibtest.spec import Role, Scenario


def plan_lines(scenario: Scenario, accel: str) -> Iterator[str]:
    """Yield the plan of a scenario, line by line.

    :raise HostError: When its guest files are not built.
    """
    qemu = shutil.which(QEMU) or QEMU
    chosen, reason = choose(qemu, accel)
    yield from to_json(scenario).decode().splitlines()
    yield f"# acceleration: {chosen}" + (f" ({reason})" if reason else "")
    files = images.guest_files(scenario.guest.kernel)
    for role, what in _boots(scenario):
        spec = machine_spec(scenario, files, role, qemu, chosen, Path())
        yield f"# {what}"
        yield shlex.join(argv(spec))


def _boots(scenario: Scenario) -> Iterator[tuple[Role, str]]:
    yield Role.SAVE, "save boot: plant witnesses, hibernate, power off; look at the swap's header"
    for life in range(1, scenario.lives + 1):
        then = "hibernate again" if life < scenario.lives else "cut the power"
        yield Role.RESUME, f"resume boot {life}: check witnesses, audit, {then}"
    yield Role.COLD, "cold boot: the image is used up, so the guest must start afresh"
