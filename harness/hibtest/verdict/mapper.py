"""What the device mapper may say of a device after a resume, and what not."""

import re
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]
# Their status counts what is written: blocks that are given out, sectors that differ
# (thin_status(), pool_status(), drivers/md/dm-thin.c; snapshot_status(), drivers/md/dm-snap.c;
# dm_integrity_status(), drivers/md/dm-integrity.c, 6.1 to 7.3).
_COUNT = ("thin", "thin-pool", "snapshot", "integrity")
_NUMBER = re.compile(r"\d+")


def device_mapper(planted: Facts, found: Facts) -> list[str]:
    """Every device is there with its table and in its state; what a status counts may differ."""
    was, now = planted["devices"], found["devices"]
    wrong = [f"{name} is gone" for name in sorted(was.keys() - now.keys())]
    wrong += [f"{name} is new" for name in sorted(now.keys() - was.keys())]
    for name in sorted(was.keys() & now.keys()):
        then, today = _uncounted(was[name]), _uncounted(now[name])
        for key in sorted(then.keys() | today.keys()):
            if then.get(key) != today.get(key):
                of_both = (one.get(key) for one in (was[name], now[name]))
                wrong.append("{}: {} was {!r}, is {!r}".format(name, key, *of_both))
    return wrong


def _uncounted(device: Facts) -> Facts:
    return {**device, "status": [_words(line) for line in device["status"]]}


def _words(status: str) -> str:
    """Return a line of a status without its numbers, where it counts."""
    _start, _length, target, *_ = (*status.split(), "", "", "")
    return _NUMBER.sub("N", status) if target in _COUNT else status
