"""What a verdict tells of where the kernel looked for its swap, and where the image lies."""

from dataclasses import replace

import pytest

from hibtest.evidence import Boot, Mark
from hibtest.verdict import judge
from tests.verdict.test_judge import FRESH, GOOD, REFUSED, SAVE, SCENARIO, USED

LOOKED = "hibtest: resume /dev/disk/by-id/virtio-swap 254:16 offset 34816"
TOLD = "hibtest: swap offset 34816 on 254:16"
MOVED = "hibtest: swap offset 198656 on 254:16"
ORDER = "[    9.1] hibtest: hibernate to 254:16 offset {} of /swap/file"
DISK = "hibtest: hibernate to 254:16 offset 0 of /dev/vdb=254:16"
ZRAM = "hibtest: hibernate to 0:0 offset 0 of /dev/zram0=253:0 /dev/vdb=254:16"
BEGINS = Mark(name="begins", t=0.5, line="hibtest: hibernate platform begins")
BACK = Mark(name="resume-back", t=3.0, line="hibtest: resume came back")
NONE = Mark(name="no-swap", t=3.0, line="PM: Cannot find swap device, try swapon -a")


def _mark(name: str, line: str) -> Mark:
    return Mark(name=name, t=1.0, line=line)


def _saved(order: str, *told: str, offset: int | None = None) -> Boot:
    offsets = [_mark("swap-offset", line) for line in told]
    return replace(SAVE, marks=(*offsets, BEGINS, _mark("writes-to", order)), swap_offset=offset)


def _looked(line: str) -> Boot:
    return replace(FRESH, marks=(_mark("resume-try", line), BACK), header=FRESH.header)


def _reason(*boots: Boot) -> tuple[str, str]:
    verdict = judge(SCENARIO, replace(GOOD, boots=boots))
    return verdict.cause, verdict.reason


STALE = _saved(ORDER.format(198656), TOLD, MOVED, offset=198656)


def test_a_stale_offset_says_where_the_kernel_looked_and_where_the_image_lies() -> None:
    cause, reason = _reason(STALE, _looked(LOOKED))
    assert cause == "no-image"
    assert "looked at page 34816 of 254:16, and the image's header is at page 198656 of" in reason


def test_another_device_is_elsewhere_too() -> None:
    looked = _looked("hibtest: resume /dev/vdc 254:32 offset 0")
    cause, reason = _reason(_saved(DISK), looked)
    assert cause == "no-image"
    assert "looked at page 0 of 254:32, and the image's header is at page 0 of 254:16" in reason


def test_the_same_place_is_not_elsewhere() -> None:
    moved = LOOKED.replace("34816", "198656")
    _, reason = _reason(STALE, _looked(moved))
    assert "looked at" not in reason
    assert "the image's header is at page 198656 of 254:16" in reason


def test_older_evidence_tells_no_more_than_it_has() -> None:
    _, reason = _reason(SAVE, _looked("hibtest: resume /dev/vdb 254:16 offset 0"))
    assert "looked at" not in reason


def test_where_no_resume_was_tried_the_image_is_told_of() -> None:
    cause, reason = _reason(_saved(DISK), FRESH)
    assert (cause, "header is at page 0 of 254:16" in reason) == ("no-attempt", True)


@pytest.mark.parametrize(
    ("order", "told", "said"),
    [
        (
            ORDER.format(34816),
            (TOLD, MOVED),
            "begins at page 34816 of 254:16, and the swap file begins at page 198656 of 254:16",
        ),
        (
            "hibtest: hibernate to 0:0 offset 0 of /swap/file",
            (TOLD,),
            "no device, took the first swap, /swap/file, and looked at its page 0, and the swap fi",
        ),
        (
            "hibtest: hibernate to 254:32 offset 0 of /dev/vdb=254:16",
            (),
            "begins at page 0 of 254:32; swaps: /dev/vdb=254:16",
        ),
        ("hibtest: hibernate to 254:32 offset 0 of ", (), "no swap is switched on"),
    ],
)
def test_a_refusal_for_want_of_swap_says_where_the_kernel_looked(
    order: str, told: tuple[str, ...], said: str
) -> None:
    marks = (*_saved(order, *told).marks, NONE)
    cause, reason = _reason(replace(REFUSED, marks=marks))
    assert cause == "ENODEV"
    assert said in reason


def test_another_refusal_does_not() -> None:
    full = Mark(name="no-swap-space", t=3.0, line="PM: Not enough free swap")
    _, reason = _reason(replace(REFUSED, marks=(*_saved(ORDER.format(1), TOLD).marks, full)))
    assert "looked" not in reason


def test_an_image_in_zram_is_lost_and_said_to_be() -> None:
    armed = _mark("armed", "PM: S|")
    save = _saved(ZRAM)
    save = replace(save, marks=(*save.marks, armed), header=USED)
    cause, reason = _reason(save, FRESH)
    assert cause == "not-armed"
    assert "wrote one to the first swap, /dev/zram0 (253:0)" in reason
    _, reason = _reason(replace(save, marks=save.marks[:-1]), FRESH)
    assert "zram0" not in reason
