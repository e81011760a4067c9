"""A leak in every life of a real guest is found, and what it is of."""

from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.spec import Do, GuestSpec, Outcome, Scenario
from tests.cycle.counted import run_counted

pytestmark = [pytest.mark.guest, pytest.mark.wide]

_HOLD = "import mmap, os, time; "
_STAY = "os.fork() and os._exit(0); {}; time.sleep(1 << 30)"
_QUIET = " >/dev/null 2>&1 </dev/null"
_MEMORY = "m = mmap.mmap(-1, 2 << 20); m.write(bytes(2 << 20))"
_LOCKED = f"import ctypes; {_MEMORY}; ctypes.CDLL(None).mlockall(1)"
_FILES = "fds = [os.open('/dev/null', 0) for _ in range(200)]"


@pytest.mark.parametrize(("leak", "what"), [(_LOCKED, "memory in use: "), (_FILES, "open files: ")])
def test_a_leak_in_every_life_is_found(tmp_path: Path, leak: str, what: str) -> None:
    images.build(["trixie"])
    do = Do(command=f'python3 -c "{_HOLD}{_STAY.format(leak)}"{_QUIET}')
    scenario = Scenario(
        name="leaks", guest=GuestSpec(kernel="trixie", vcpus=1), lives=6, after=(do,)
    )
    _, verdict = run_counted(bench(tmp_path, "auto"), scenario)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "drift"), str(verdict)
    assert verdict.reason.startswith(what)
