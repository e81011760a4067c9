"""Which processes must run so that the disks can be written to?

A stopped process that serves a filesystem or a block device stops all that stands on it: a sync
waits for it, and so does memory that is swapped out. :func:`find` finds what stands on what,
:func:`needed` which processes that leads to::

    graph = find(running=(os.getpid(),))
    for need in needed(graph):
        os.kill(need.pid, signal.SIGCONT)

What cannot be known is taken to be so: a process too many is continued rather than one too few.
Not seen: waiting by shared memory, named FIFOs, connections that a daemon only makes when it is
asked, and the Unix sockets of other network namespaces.
"""

from hibtest.agent.needed.find import find
from hibtest.agent.needed.graph import Edge, Graph, Need, Node, needed, served_swaps

__all__ = ["Edge", "Graph", "Need", "Node", "find", "needed", "served_swaps"]
