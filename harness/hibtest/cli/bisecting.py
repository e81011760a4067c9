"""Exit statuses for ``git bisect run``: git-bisect(1).

0 is a good commit, 1 a bad one, 125 one that cannot be tested, and what is 128 or more ends the
bisection: whatever is wrong with the command or the host is wrong for every commit.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hibtest.errors import ExitStatus, HibtestError, KernelError


@contextmanager
def told(bisect: bool) -> Iterator[None]:
    """Give an error the status that it has for a bisection, if this is one."""
    try:
        yield
    except HibtestError as error:
        if bisect:
            cannot_test = isinstance(error, KernelError)
            error.status = ExitStatus.UNTESTED if cannot_test else ExitStatus.STOP_BISECT
        raise


def status(found: int) -> int:
    """Return an exit status of ``hibtest run`` as one for a bisection."""
    return ExitStatus.UNTESTED if found == ExitStatus.UNAVAILABLE else found
