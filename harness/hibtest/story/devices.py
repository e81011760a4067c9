"""Devices that refused, or did not come back: which, in which phase, and its error.

pm_dev_err(), pm_verb() and dpm_prepare(), drivers/base/power/main.c, 6.1 to 7.3: the driver (or
the bus) and the name of the device, the phase, how it was called (``async``, ``late``,
``noirq``, ``early``), and an errno.
"""

import errno
import re
from dataclasses import dataclass

from hibtest.story.pattern import line, plain

_FAILED = re.compile(
    r"^(?P<device>\S.*?): PM: failed to (?P<phase>[a-z]+)(?P<how>( [a-z]+){0,3}): "
    r"error (?P<errno>-?\d{1,6})\b"
)
_UNPREPARED = re.compile(
    r"^(?P<device>\S.*?): PM: (?P<phase>not prepared) for power transition: "
    r"code (?P<errno>-?\d{1,6})\b"
)
PATTERNS = (
    line("device-failed", _FAILED.pattern),
    line("device-failed", _UNPREPARED.pattern),
)
# In these a device is asked to stand still, and may refuse. In all others (thaw, restore, recover,
# resume) it is to work again, and one that does not is damage.
_ASKED = frozenset({"not prepared", "freeze", "quiesce", "hibernate", "poweroff", "suspend"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that failed.

    :ivar name: Driver, or bus, and device, as the kernel names them.
    :ivar phase: What it was to do.
    :ivar errno: What its driver returned, positive.
    :ivar refuses: Whether it was asked to stand still, and would not.
    """

    name: str
    phase: str
    errno: int
    refuses: bool

    @property
    def words(self) -> str:
        """All of it in a phrase."""
        error = f"{errno.errorcode.get(self.errno, 'no errno')} (error -{self.errno})"
        if self.phase == "not prepared":
            return f"device {self.name} would not prepare: {error}"
        verb = "refused" if self.refuses else "failed"
        return f"device {self.name} {verb} to {self.phase}: {error}"


def device(text: str) -> Device | None:
    """Return the device that a line tells of, if it tells of one that failed."""
    text = plain(text)
    match = _FAILED.search(text) or _UNPREPARED.search(text)
    if match is None:
        return None
    how = match.groupdict().get("how") or ""
    return Device(
        name=match["device"],
        phase=f"{match['phase']}{how}",
        errno=abs(int(match["errno"])),
        refuses=match["phase"] in _ASKED,
    )
