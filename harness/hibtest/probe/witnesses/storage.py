"""Witnesses of what disks are trusted with: a writer on each filesystem (:mod:`writing`)."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hibtest.probe import procfs
from hibtest.probe.base import DATA, DISK, Facts, Lacking, Planted, Witness
from hibtest.probe.detached import child
from hibtest.probe.witnesses.writing import DONE, ERRORS, Writer, read_back, told

# Time to write the first, and another one.
BEGIN, ANSWER = 5.0, 3.0
ROOT_NAME, DATA_NAME = "storage-root", "storage-data"


def writer(place: Path) -> Planted:
    """Have a writer write to a filesystem.

    Planted: ``{"writer": {"pid", "starttime"}, "acknowledged"}``. Found: the same, and
    ``"goes_on"``; ``"last"`` and ``"wrong"`` as :func:`writing.told` has them; of all the writer's
    life ``"errors"`` and ``"first"``, ``[way, kind, number, place]``.
    """
    work = Writer(place)
    pid = child(work.work)
    if not procfs.wait_for(lambda: work.words[DONE] > 0, BEGIN):
        raise OSError(errno.ETIMEDOUT, f"nothing was written to {place}")

    def found() -> Facts:
        return {"writer": procfs.identity(pid), "acknowledged": work.words[DONE]}

    def look() -> Facts:
        facts = found()
        reads = read_back(place)
        facts.update(told(reads, facts["acknowledged"], work.words[DONE] + 1))
        goes_on = procfs.wait_for(lambda: work.words[DONE] > facts["acknowledged"], ANSWER)
        errors = {"errors": work.words[ERRORS], "first": work.first()}
        return {**facts, "goes_on": goes_on, **errors}

    return Planted(found(), look)


def root() -> Planted:
    """A writer on the root filesystem. Facts of both: see :func:`writer`."""
    return writer(DISK / "storage")


def data() -> Planted:
    """A writer on the data disk."""
    if not os.path.ismount(DATA):
        raise Lacking("there is no data disk")
    return writer(DATA / "storage")


def after(acknowledged: dict[str, int]) -> Facts:
    """Return what a life has left on the disks of what it acknowledged.

    :param acknowledged: Witness -> the last number that it is known to have acknowledged.
    :return: Witness -> facts as :func:`writing.told` has them.
    """
    places = {ROOT_NAME: DISK, DATA_NAME: DATA}
    return {
        name: told(read_back(places[name] / "storage"), number)
        for name, number in acknowledged.items()
    }


WITNESSES = (Witness(ROOT_NAME, root), Witness(DATA_NAME, data))
