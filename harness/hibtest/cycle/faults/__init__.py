"""Faults: what is made to go wrong with a machine, and when.

moment   whether what was just heard of a guest is the moment of a fault
strike   what is done then
disks    what the disks of a machine must have for it
armed    the faults of one boot, each of which strikes once
"""

from hibtest.cycle.faults.armed import Armed
from hibtest.cycle.faults.disks import with_faults

__all__ = ["Armed", "with_faults"]
