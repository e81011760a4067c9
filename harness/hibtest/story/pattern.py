"""What a line is looked for by, and the mark that it then is."""

import re
from dataclasses import dataclass

from hibtest.spec import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A line to look for.

    :ivar name: The mark's name.
    :ivar regex: Searched for in the line.
    :ivar stage: The stage that begins with this line, if one does.
    :ivar anew: Whether it does so in whichever stage the log was before.
    :ivar behind: The mark that must be the last one before it; empty: any, or none.
    """

    name: str
    regex: re.Pattern[str]
    stage: Stage | None = None
    anew: bool = False
    behind: str = ""


def line(name: str, regex: str, stage: Stage | None = None, *, behind: str = "") -> Pattern:
    """Return what a line is looked for by, by the words of a regular expression."""
    return Pattern(name=name, regex=re.compile(regex), stage=stage, behind=behind)


def anew(name: str, regex: str, stage: Stage) -> Pattern:
    """Return a line with which a hibernation begins, or a boot that had tried to resume."""
    return Pattern(name=name, regex=re.compile(regex), stage=stage, anew=True)


def plain(text: str) -> str:
    """Return a line without the time, and no longer than the kernel prints one."""
    return _STAMP.sub("", text[:_LONGEST])


# The kernel prints no longer record (PRINTKRB_RECORD_MAX, kernel/printk/printk.c, 6.1 to 7.3); a
# guest may, and some patterns take time that grows with the square of the length.
_LONGEST = 4096
_STAMP = re.compile(r"^\[\s*\d+\.\d+\](\[[^\]]*\])? ?")
