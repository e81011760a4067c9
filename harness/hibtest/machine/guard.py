"""A process that dies with the one that started it, also when that one is killed."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from hibtest.errors import HostError

# The kernel kills a process when its parent dies (prctl(2), PR_SET_PDEATHSIG), but not when the
# parent was dead before that was asked for: so the shell looks who its parent is, after asking.
_ASK = ("setpriv", "--no-new-privs", "--pdeathsig", "KILL")
# Fewer rights keep the death signal; another user id would clear it (commit_creds(),
# kernel/cred.c, 6.1 to 7.3), and QEMU would outlive us: so no -run-with user=. As root, files of
# other users below directories of theirs still have to be reached.
_FEWER = ("--inh-caps", "-all", "--bounding-set", "-all,+dac_override")
_SHELL = ("--", "sh", "-c")
_SETPCAP = 1 << 8  # CAP_SETPCAP, include/uapi/linux/capability.h
_LOOK = 'test "$PPID" = "$1" || exit 125; shift; ulimit -c 0; exec "$@"'


def guarded(command: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs ``command`` until this process, or its *thread*, dies.

    It becomes ``command`` by exec: same process id, same exit status; a crash leaves no core file.
    It gets no new rights, and where we have all of root's, no more of them than reaching files.

    :raise HostError: When setpriv is not installed.
    """
    if shutil.which("setpriv") is None:
        raise HostError("setpriv is not installed", hint="apt install util-linux")
    fewer = _FEWER if _may_drop() else ()
    return (*_ASK, *fewer, *_SHELL, _LOOK, "sh", str(os.getpid()), *command)


def _may_drop() -> bool:
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) & _SETPCAP)
