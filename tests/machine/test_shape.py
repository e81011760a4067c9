from pathlib import Path

import pytest

from hibtest.errors import SpecError
from hibtest.machine.shape import Disk


@pytest.mark.parametrize("serial", ["root", "swap2", "a" * 20])
def test_serials_that_guest_and_qemu_take(serial: str) -> None:
    assert Disk(serial=serial, path=Path("d")).serial == serial


@pytest.mark.parametrize("serial", ["", "a" * 21, "a,b", "1st", "a b", "ä"])
def test_other_serials_are_refused_by_name(serial: str) -> None:
    with pytest.raises(SpecError, match="disk serial") as caught:
        Disk(serial=serial, path=Path("d"))
    assert repr(serial) in caught.value.message
