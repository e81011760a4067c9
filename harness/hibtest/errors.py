"""The errors of hibtest, split by whose fault they are.

    HibtestError
     ├── SpecError    what was asked cannot be done as asked: wrong name, wrong file
     │    └── KernelError    the kernel that was given cannot be a guest's
     ├── HostError    this machine lacks something, or an operation on it failed
     ├── QemuError    QEMU exited early, died of a signal or refused a command
     └── GuestError   the guest could not be reached or driven; says nothing of hibernation

None of these is ever a kernel result: a run in which one of them is raised is INVALID.
What a kernel does wrong is *evidence*, not an exception.
"""

from collections.abc import Sequence
from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit status of the command line."""

    EXPECTED = 0  # every outcome was the expected one
    UNEXPECTED = 1  # some outcome was not
    USAGE = 2  # the command line or a file named on it cannot be used
    UNAVAILABLE = 69  # nothing could be judged (EX_UNAVAILABLE of sysexits.h)
    INTERRUPTED = 130  # Ctrl-C
    UNTESTED = 125  # for git bisect: skip this commit
    STOP_BISECT = 128  # for git bisect: nothing that another commit would mend


class HibtestError(Exception):
    """Root of all errors that hibtest raises on purpose.

    :param message: One line: what happened, the value, the limit.
    :param hint: What to do about it.
    """

    status: ExitStatus = ExitStatus.UNAVAILABLE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    @property
    def kind(self) -> str:
        """The stable word for it: its class, or the one below this that it is derived from."""
        classes = type(self).__mro__
        return classes[max(0, classes.index(HibtestError) - 1)].__name__


class SpecError(HibtestError):
    """What was asked for cannot be done as asked."""

    status = ExitStatus.USAGE


class KernelError(SpecError):
    """The kernel that was given is there and cannot be a guest's: damaged, or lacks something."""


class HostError(HibtestError):
    """This machine lacks something, or an operation on it failed."""


class GuestError(HibtestError):
    """The guest could not be reached or driven. Nothing can be said of hibernation."""


class QemuError(HibtestError):
    """QEMU did not start, exited early, died of a signal or refused a command.

    :param argv: The command line that was run, empty when it is not to blame.
    :param returncode: Exit status; negative is the number of the signal that ended it.
    :param stderr: What QEMU wrote to its standard error, possibly cut to its end.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        argv: Sequence[str] = (),
        returncode: int | None = None,
        stderr: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.argv = tuple(argv)
        self.returncode = returncode
        self.stderr = stderr
