"""THE STORY that the lines of a kernel log tell. Pure: no QEMU, no clock, no file.

messages    the messages of kernel, guest and agent: each is a mark
"""

from hibtest.story.messages import PATTERNS, SPLAT_NAMES, Pattern, recognise

__all__ = ["PATTERNS", "SPLAT_NAMES", "Pattern", "recognise"]
