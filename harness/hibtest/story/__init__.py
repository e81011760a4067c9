"""THE STORY that the lines of a kernel log tell. Pure: no QEMU, no clock, no file.

messages    the messages of kernel, guest and agent: each is a mark
tasks       tasks that did not freeze; devices: devices that failed; refusals: what else a kernel
            says of a hibernation that it will not go on with; cpus: CPUs taken down and up
stages      which stage a log is in after a message
tries       tries to hibernate or to resume, and who would not go on with one
why         causes: why it went as it did, as far as marks tell
foretold    what kernels would say of an image, without booting them
teller      from lines to marks, stages and causes: live line by line, or all lines of a file
"""

from hibtest.story.cpus import Switch, switches
from hibtest.story.messages import Returned, place, returned
from hibtest.story.stages import BEGINNINGS
from hibtest.story.teller import Mark, Story, Teller, read
from hibtest.story.tries import Refusal, last_try, refusal, stage_of
from hibtest.story.why import Cause, causes, trouble, why_cold, why_not_ready, why_refused

__all__ = [
    "BEGINNINGS",
    "Cause",
    "Mark",
    "Refusal",
    "Returned",
    "Story",
    "Switch",
    "Teller",
    "causes",
    "last_try",
    "place",
    "read",
    "refusal",
    "returned",
    "stage_of",
    "switches",
    "trouble",
    "why_cold",
    "why_not_ready",
    "why_refused",
]
