"""Images of the agent that are tampered with while the machine is off."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import images
from hibtest.agent.image.format import COMMITTED, FRAME_SIZE, Digest, Frame, Record
from hibtest.bench.prepare import bench
from hibtest.evidence import Evidence
from hibtest.spec import AgentMethod, AtRest, Fault, Flip, GuestSpec, Outcome, Scenario, Target
from hibtest.verdict import Verdict
from tests.cycle.counted import run_counted

pytestmark = pytest.mark.guest

PAGE = 4096
SCENARIO = Scenario(
    name="tampered",
    guest=GuestSpec(kernel="trixie", vcpus=1),
    method=AgentMethod(target=Target.RAW, compress="none"),
)


def _run(directory: Path, at_rest: Callable[[Path], None]) -> tuple[Evidence, Verdict]:
    images.build(["trixie"])
    return run_counted(bench(directory, "auto"), SCENARIO, at_rest)


def test_a_flipped_bit_is_found_before_the_jump(tmp_path: Path) -> None:
    flip = Flip(serial="image", byte=40 << 20, bit=4)
    scenario = replace(SCENARIO, faults=(Fault(when=AtRest(), what=flip),))
    images.build(["trixie"])
    evidence, verdict = run_counted(bench(tmp_path, "auto"), scenario)
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "image-refused"), str(verdict)
    assert "the checksum is wrong" in verdict.reason
    found = evidence.boots[1].agent_image
    assert found is not None
    assert found.state == "refused"


def test_a_page_that_was_altered_with_all_its_checksums_is_named(tmp_path: Path) -> None:
    altered = 6 * PAGE + 77  # in the frame's data: behind info and PFN pages there are some more

    def at_rest(disk: Path) -> None:
        with disk.open("r+b") as file:
            record = Record.unpack(file.read(PAGE))
            digest = Digest(record.facts["checksum"])
            for index in range(record.facts["chunks"]):
                at = file.tell()
                frame = Frame.unpack(file.read(FRAME_SIZE), index)
                data = bytearray(file.read(frame.stored))
                if index == 100:
                    data[altered] ^= 0x10
                    frame = frame._replace(digest=digest.of(bytes(data)))
                    file.seek(at)
                    file.write(frame.pack() + data)
                digest.add(frame.pack())
            file.seek(0)
            file.write(Record(COMMITTED, {**record.facts, "digest": digest.total()}).pack())

    evidence, verdict = _run(tmp_path, at_rest)
    saved = evidence.boots[0].saved
    assert saved is not None
    assert saved.view is not None
    assert saved.view.unexplained == 1
    [page] = [one for one in saved.view.differences if not one.explained]
    assert (page.count, page.first) == (1, 77)
    assert f"PFN {page.pfn:#x}" in verdict.reason
    assert verdict.outcome is not Outcome.RESUMED
