"""Runs exercises so that one which hangs neither hides the others nor its own name.

All run in one child process, which reports through a pipe. An exercise that takes longer than
its limit is abandoned with its process, killed if the kernel lets it be, and a new child goes
on with the next one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from hibtest.probe import procfs
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.base import FAULTS, PATIENCE, Facts, Failed, Lacking, describe
from hibtest.probe.detached import child, redirect


def run(exercises: Sequence[Exercise]) -> Iterator[Facts]:
    """Run exercises; yield ``{"begin": name}`` and ``{"name", "ok", "detail", "seconds"}``."""
    done = 0
    while done < len(exercises):
        for line in run_some(exercises[done:]):
            if "name" in line:
                done += 1
            yield line


def run_some(exercises: Sequence[Exercise]) -> Iterator[Facts]:
    """Run exercises in one child, up to the first that has to be abandoned."""
    reader, writer = os.pipe()
    pid = child(lambda: work(exercises, writer))
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        for exercise in exercises:
            start = time.monotonic()
            yield {"begin": exercise.name}
            line = await_line(pipe.fileno(), exercise.limit * PATIENCE)
            if line:
                yield json.loads(line)
                continue
            os.kill(pid, signal.SIGKILL)
            ended = None if line is None else end_of(pid)
            yield abandoned(exercise, time.monotonic() - start, ended)
            return
    end_of(pid)


def work(exercises: Sequence[Exercise], pipe: int) -> None:
    # A child that cannot be killed must not hold the standard output of whoever waits for us.
    redirect(Path(os.devnull))
    report(exercises, pipe)


def report(exercises: Sequence[Exercise], pipe: int) -> None:
    for exercise in exercises:
        line = json.dumps(perform(exercise)) + "\n"
        os.write(pipe, line.encode())


def perform(exercise: Exercise) -> Facts:
    """Run one exercise; return its report."""
    start = time.monotonic()
    ok: bool | None = True
    try:
        detail = exercise.run()
    except Lacking as lacking:
        ok, detail = None, str(lacking)
    except Failed as failed:
        ok, detail = False, str(failed)
    except FAULTS as error:
        ok, detail = False, describe(error)
    seconds = round(time.monotonic() - start, 3)
    return {"name": exercise.name, "ok": ok, "detail": detail, "seconds": seconds}


def await_line(fd: int, limit: float) -> bytes | None:
    """Return the next line, nothing at the end of the pipe, ``None`` when it does not come."""
    end = time.monotonic() + limit
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return None
        part = os.read(fd, 1)
        if not part:
            return b""
        line += part
    return line


def end_of(pid: int) -> int | None:
    """Return the wait status of a child, ``None`` when it does not end within a moment."""
    status: int | None = None

    def ended() -> bool:
        nonlocal status
        found, now = os.waitpid(pid, os.WNOHANG)
        status = now if found else None
        return bool(found)

    procfs.wait_for(ended, 1)
    return status


def abandoned(exercise: Exercise, seconds: float, ended: int | None) -> Facts:
    if ended is None:
        detail = f"did not end within {exercise.limit * PATIENCE:g} s"
    else:
        detail = f"its process died with wait status {ended:#x}"
    return {"name": exercise.name, "ok": False, "detail": detail, "seconds": round(seconds, 3)}
