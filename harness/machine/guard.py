"""A process that dies with the one that started it, also when that one is killed."""

import os
import shutil
from collections.abc import Sequence

from harness.errors import HostError

# The kernel kills a process when its parent dies (prctl(2), PR_SET_PDEATHSIG), but not when the
# parent was dead before that was asked for: so the shell looks who its parent is, after asking.
_ASK = ("setpriv", "--pdeathsig", "KILL", "--", "sh", "-c")
_LOOK = 'test "$PPID" = "$1" || exit 125; shift; ulimit -c 0; exec "$@"'


def guarded(command: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs ``command`` until this process, or its *thread*, dies.

    It becomes ``command`` by exec: same process id, same exit status; a crash leaves no core file.

    :raise HostError: When setpriv is not installed.
    """
    if shutil.which("setpriv") is None:
        raise HostError("setpriv is not installed", hint="apt install util-linux")
    return (*_ASK, _LOOK, "sh", str(os.getpid()), *command)
