"""Is every page as it was, however the image is written and whatever the guest's shape?

Compressors that are not the default, RAM on both sides of 4 GiB, little RAM, many vCPUs. The
baseline has the proof, too; here the shapes are those in which it would go wrong.
"""

import pytest

from hibtest.evidence import Evidence
from hibtest.spec import GuestSpec, KernelMethod, Mode, Scenario
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest


def _proof(what: str, guest: GuestSpec, *tags: str) -> Scenario:
    return Scenario(
        name=f"proof-KERNEL-{what}",
        guest=guest,
        method=KernelMethod(mode=Mode.SHUTDOWN),
        tags=("proof", *tags),
    )


# hibernate=nocompress: kernel/power/hibernate.c; such an image has no checksum either.
NOCOMPRESS = ("hibernate=nocompress",)
# hibernate.compressor=: since v6.9
LZ4 = ("hibernate.compressor=lz4",)

SCENARIOS = (
    _proof("none-256mib", GuestSpec(kernel="bookworm", memory_mib=256, append=NOCOMPRESS), "none"),
    _proof("lz4-4096mib", GuestSpec(kernel="trixie", memory_mib=4096, append=LZ4), "lz4", "wide"),
    _proof("lz4-8cpu", GuestSpec(kernel="backports", vcpus=8, append=LZ4), "lz4", "wide"),
)


def test_proof(hib_scenario: Scenario, hib_verdict: Verdict, hib_evidence: Evidence) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
    if not hib_evidence.proof:
        return  # asked for with --hib-no-proof
    saved = hib_evidence.boots[0].saved
    assert saved is not None
    assert saved.image is not None
    assert saved.image.codec in hib_scenario.tags
    assert (saved.image.crc_right is None) == (saved.image.codec == "none")
