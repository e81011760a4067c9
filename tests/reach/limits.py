"""How long tests wait, and what an error adds to its message."""

from hibtest.deadline import Deadline


def soon(what: str = "the command's end") -> Deadline:
    return Deadline.after(30, what)


def short(what: str = "the command's end") -> Deadline:
    return Deadline.after(0.3, what)


def notes(error: BaseException) -> str:
    return "\n".join(error.__notes__)
