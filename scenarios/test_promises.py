"""What a hibernation promises besides memory: is it kept?

A file that nobody has synced is on the disk before anybody is frozen; an image is no larger than
was asked for, where memory can be freed; and what its checksum does not fit is not restored. That
another memory map is refused is asked in test_changed.py.
"""

from dataclasses import replace

import pytest

from hibtest.spec import (
    AtRest,
    Do,
    Expected,
    Fault,
    FlipData,
    GuestSpec,
    Outcome,
    ResumeSpec,
    Scenario,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

_CONTENT = "yes hibtest | head -c 8388608"
# Written, and left to the kernel, which is told not to write by itself and need not free memory
# (that writes, too): nothing but a sync does.
WRITE = Do(
    command="echo 0 >/proc/sys/vm/dirty_writeback_centisecs"
    f" && echo 1073741824 >/sys/power/image_size && {_CONTENT} >/root/unsynced"
)
WHOLE = Do(command=f"{_CONTENT} | cmp - /root/unsynced")
# More page cache than an image may have pages, all of it clean: the kernel can drop it.
FILL = Do(command="head -c 230686720 /dev/zero >/root/big && sync && cat /root/big >/dev/null")


def _scenario(kernel: str, what: str, *tags: str) -> Scenario:
    return Scenario(
        name=f"promise-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, vcpus=1),
        tags=("promise", *tags),
    )


def _synced(kernel: str, *tags: str) -> Scenario:
    return replace(
        _scenario(kernel, "sync", *tags),
        last=(WRITE,),
        resume=ResumeSpec(noresume=True),
        afresh=(WHOLE,),
        expected=Expected(outcome=Outcome.COLD_BOOT, cause="noresume"),
    )


def _limited(kernel: str, *tags: str) -> Scenario:
    return replace(_scenario(kernel, "image-size", *tags), before=(FILL,))


def _summed(kernel: str, *tags: str) -> Scenario:
    return replace(
        _scenario(kernel, "checksum", *tags),
        faults=(Fault(when=AtRest(), what=FlipData()),),
        expected=Expected(outcome=Outcome.COLD_BOOT, cause="image-refused"),
    )


SCENARIOS = (
    _synced("bookworm", "wide"),
    _synced("trixie"),
    _synced("backports", "wide"),
    _limited("bookworm", "wide"),
    _limited("trixie"),
    _limited("backports", "wide"),
    _summed("bookworm", "wide"),
    _summed("trixie", "wide"),
    _summed("backports"),
)


def test_promises(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
