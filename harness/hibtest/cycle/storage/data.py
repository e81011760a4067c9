"""A filesystem for data, at /data in the guest."""

from hibtest.cycle.storage.filesystem import filesystem_part
from hibtest.cycle.storage.part import Part
from hibtest.spec import DataDisk

_SERIAL = "data"


def data_part(data: DataDisk | None) -> Part:
    """Return what a data disk brings along: nothing when there is none."""
    if data is None:
        return Part()
    return filesystem_part(data.filesystem, _SERIAL, data.size_mib, data.on, ())
