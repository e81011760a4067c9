"""THE STORY that the lines of a kernel log tell. Pure: no QEMU, no clock, no file.

messages    the messages of kernel, guest and agent: each is a mark
stages      which stage a log is in after a message
teller      from lines to marks and stages: live line by line, or all lines of a file
"""

from hibtest.story.messages import PATTERNS, SPLAT_NAMES, Pattern, recognise
from hibtest.story.teller import Mark, Story, Teller, read

__all__ = ["PATTERNS", "SPLAT_NAMES", "Mark", "Pattern", "Story", "Teller", "read", "recognise"]
