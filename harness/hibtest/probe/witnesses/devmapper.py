"""The witness in device mapper: its devices and tables, and one device of our own.

By ioctls: starting dmsetup several times would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

from hibtest.linux.dm import CONTROL, Control, Target
from hibtest.probe.base import Facts, Lacking, Planted, Witness

NAME = "hibtest-witness"
OWN = Target(start=0, length=2048, kind="zero", params="")


def tables() -> Planted:
    """Devices of device mapper, one of our own (a zero target) among them.

    Planted and found: ``{"devices": {name: {"device", "uuid", "flags", "table", "status"}}}``.
    """
    try:
        control = Control()
    except FileNotFoundError as error:
        raise Lacking(f"no device mapper: no {CONTROL}") from error
    if NAME not in control.names():
        if not control.has_target(OWN.kind):
            raise Lacking(f"no {OWN.kind} target")
        control.create(NAME, [OWN])

    def look() -> Facts:
        return {"devices": {name: device(control, name) for name in sorted(control.names())}}

    return Planted(look(), look)


def device(control: Control, name: str) -> Facts:
    info = control.info(name)
    known = {"device": info.device, "uuid": info.uuid, "flags": info.flags} if info else {}
    return {**known, "table": lines(control.table(name)), "status": lines(control.status(name))}


def lines(targets: Iterable[Target]) -> list[str]:
    return [f"{t.start} {t.length} {t.kind} {t.params}".rstrip() for t in targets]


WITNESSES = (Witness("device-mapper", tables, private=False),)
