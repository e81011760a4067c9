"""THE STORY that the lines of a kernel log tell. Pure: no QEMU, no clock, no file.

messages    the messages of kernel, guest and agent: each is a mark
stages      which stage a log is in after a message
why         causes: why it went as it did, as far as marks tell
foretold    what kernels would say of an image, without booting them
teller      from lines to marks, stages and causes: live line by line, or all lines of a file
"""

from hibtest.story.messages import Returned, returned
from hibtest.story.stages import BEGINNINGS
from hibtest.story.teller import Mark, Story, Teller, read
from hibtest.story.why import Cause, causes, trouble, why_cold, why_not_ready, why_refused

__all__ = [
    "BEGINNINGS",
    "Cause",
    "Mark",
    "Returned",
    "Story",
    "Teller",
    "causes",
    "read",
    "returned",
    "trouble",
    "why_cold",
    "why_not_ready",
    "why_refused",
]
