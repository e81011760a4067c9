"""Roll call: which tasks of the guest could run at the snapshot, and which went on after it.

Read from memory alone: the list of tasks by the kernel's symbols, its structures by what it says
of them itself (BTF). The guest takes no part in it.
"""
