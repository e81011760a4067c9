"""A guest's filesystems, looked at from the host while no machine runs.

:mod:`disks` goes through those of a run; :mod:`kinds` has a row for each kind of filesystem;
:mod:`flat` makes the copy on which a journal is replayed; :mod:`replay` has the guest's kernel
replay what only that can; :mod:`owners` says which files lie where a disk was written to. What lies
inside another file (a loop device of a workload) is the guest's own to look at.
"""

from hibtest.cycle.filesystems.disks import look, require_programs
from hibtest.cycle.filesystems.owners import written
from hibtest.cycle.filesystems.replay import replayed

__all__ = ["look", "replayed", "require_programs", "written"]
