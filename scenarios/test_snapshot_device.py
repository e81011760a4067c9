"""What does /dev/snapshot answer when it is driven in right and wrong orders?

Every ioctl, open mode, read and write, step by step: hibtest/snapshotdev/cases. Each case on each
kernel is a test of its own; all cases of a kernel share a guest.
"""

import pytest

from hibtest.snapshotdev import Answers, Case, objection
from hibtest.snapshotdev.cases import CASES

pytestmark = pytest.mark.guest


@pytest.mark.parametrize("case", [pytest.param(one, id=one.name) for one in CASES])
def test_snapshot_device(case: Case, hib_answers: Answers) -> None:
    assert not (wrong := objection(case, hib_answers)), wrong
