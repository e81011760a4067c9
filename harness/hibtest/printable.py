"""Text from outside, made printable: a guest's, an image's, QEMU's.

Whoever shows such text to a person (terminal, JUnit, HTML) passes it through here, and nobody
else decides what is harmless. What is stored as evidence stays as it was.
"""

import json


def printable(text: str) -> str:
    """Return one line in which whatever a terminal acts upon is written out: ESC as ``\\x1b``.

    That is all that Unicode does not call printable: control characters (C0, C1, line ends, tabs),
    what changes the direction of text or cannot be seen, blanks other than the blank, lone
    surrogates, and code points that nobody has been given.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _written_out(ord(char)) for char in text)


def printable_lines(text: str) -> str:
    """Return the same for text of several lines, which stay lines: ``\\n`` alone ends one."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    """Return JSON in which no character is left that a terminal acts upon; it means the same."""
    return "".join(
        char if char == "\n" or char.isprintable() else json.dumps(char)[1:-1] for char in text
    )


def _written_out(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
