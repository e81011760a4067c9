"""A resume, in early userspace: no file system of the saved life may be mounted."""

from __future__ import annotations

import time

from hibtest.agent import system
from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError, BadImage, NoImage, Unreachable
from hibtest.agent.image.codecs import codec
from hibtest.agent.image.format import REFUSED, USED, Record
from hibtest.agent.image.load import load
from hibtest.agent.log import Log
from hibtest.agent.progress import Progress
from hibtest.agent.target import Source, Target, open_source

_PAUSE = 2.0  # s between two tries


def resume(target: Target, log: Log, reach: float = 0.0) -> None:
    """Resume; returns only to raise.

    The image is checked to its last byte before the kernel is asked to jump, and used up before
    it jumps. One that is not what was written is marked, so that it is not tried again.

    :param reach: Seconds in which to try again to reach a server that does not answer.
    :raise NoImage: When there is none: the boot goes on.
    :raise AgentError: When it cannot be resumed.
    """
    source = _reached(target, log, time.monotonic() + reach)
    try:
        record = committed(source)
        _resume(source, record, log)
    except BadImage:
        source.mark(REFUSED)
        raise
    finally:
        source.close()


def _reached(target: Target, log: Log, end: float) -> Source:
    while True:
        try:
            return open_source(target)
        except Unreachable as error:
            left = end - time.monotonic()
            if left <= 0:
                raise
            log.say("reach", why=str(error), left_s=round(left))
            time.sleep(min(_PAUSE, left))  # noqa: TID251 (there is no fact to wait for)


def committed(source: Source) -> Record:
    """Return the record of an image that can be resumed from.

    :raise NoImage: When there is none any more.
    """
    record = Record.unpack(source.record())
    if record.state == USED:
        raise NoImage("the image was resumed from, or withdrawn")
    if record.state == REFUSED:
        raise NoImage("the image was refused before")
    return record


def _resume(source: Source, record: Record, log: Log) -> None:
    facts = record.facts
    release = system.identity()["release"]
    if facts.get("release") != release:
        raise AgentError(
            f"the image is of kernel {facts.get('release')}, this is {release}",
            "boot that kernel, or give the image up",
        )
    unpacker = codec(facts["codec"])
    with SnapshotDevice(write=True) as device:
        with log.step("load") as found:
            progress = Progress(log, facts["pages"])
            found["pages"] = load(source, record, unpacker, device, progress.done)
        with log.step("consume"):
            source.mark(USED)
        device.platform(wanted=facts.get("mode") == "platform")
        device.freeze()
        log.say("restore")
        device.atomic_restore()
