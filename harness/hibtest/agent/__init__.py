"""The userspace hibernation agent: the proposal of 2007 on /dev/snapshot.

It runs INSIDE the guest, or on any Linux machine, with Python's standard library alone; it knows
nothing of the harness. The steps of a save stand in ``save.py``, those of a resume in
``resume.py``; ``python3 agent.pyz --help`` is the command line (docs/agent.md).
"""
