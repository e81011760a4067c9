"""What a guest prints, by chance: no line of it moves a terminal."""

import random

from hibtest.printable import printable

_PIECES = ("\x1b[2J", "\x1b]0;x\x07", "\u202e", "\x9b", "\ud800", "text", " ", "\x00", "é", "\r")


def console_line(rng: random.Random) -> None:
    """Show a line of anything."""
    line = "".join(rng.choice(_PIECES) for _ in range(rng.randrange(50)))
    line += chr(rng.randrange(0x110000))
    shown = printable(line)
    assert shown.isprintable()
    assert printable(shown) == shown
