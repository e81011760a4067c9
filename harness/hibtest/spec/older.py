"""Scenarios as older versions wrote them into the directories of runs."""

from typing import Any

_SWAP = "/dev/disk/by-id/virtio-swap"


def scenario_today(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a scenario's JSON in today's form; what is in that form stays as it is.

    Until November 2026 a layout was one disk, or one of zeros for no swap; a root was ``plain`` or
    ``mapped``, which had a scratch disk; ``resume.device`` named the swap; and a fault was a disk
    that refuses a write, or a server that breaks off as the agent begins to write.
    """
    found = dict(stored)
    layout, guest, resume = (found.get(name) for name in ("layout", "guest", "resume"))
    if isinstance(layout, dict):
        found["layout"] = [] if layout.get("type") == "none" else [layout]
    if isinstance(guest, dict) and isinstance(guest.get("root"), dict):
        root = guest["root"]
        if root.get("type") == "mapped":
            scratch = {"scratch_mib": root.get("scratch_mib", 0)}
            found["guest"] = {**guest, "root": [{"type": "linear"}], **scratch}
        else:
            found["guest"] = {**guest, "root": []}
    if isinstance(resume, dict) and resume.get("device") == _SWAP:
        found["resume"] = {**resume, "device": None}
    if isinstance(stored.get("faults"), list):
        found["faults"] = [_fault(one) for one in stored["faults"]]
    return found


def _fault(stored: Any) -> Any:
    match stored:
        case {"type": "write-error", "serial": serial, "at_mib": at_mib}:
            what = {"type": "fail-io", "serial": serial, "at_mib": at_mib}
            return {"when": {"type": "always"}, "what": what}
        case {"type": "server-gone"}:
            return {"when": {"type": "at-stage", "stage": "WRITE"}, "what": {"type": "hang-up"}}
        case _:
            return stored
