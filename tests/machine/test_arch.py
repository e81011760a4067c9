"""Kinds of machines: each member of the scenario's words has its row, and a firmware its file."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.machine.arch import BOARDS, X86_64, Image, firmware_options, require_firmware
from hibtest.spec import Arch, Firmware


def test_every_kind_has_a_row_and_every_firmware_a_place_in_it() -> None:
    assert set(BOARDS) == set(Arch)
    assert all(set(board.firmwares) == set(Firmware) for board in BOARDS.values())


def test_qemu_s_own_firmware_needs_no_option() -> None:
    require_firmware(Arch.X86_64, Firmware.SEABIOS)
    assert firmware_options(Arch.X86_64, Firmware.SEABIOS) == ()


def test_a_firmware_that_is_not_there_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image(path=tmp_path / "OVMF.fd", package="ovmf")
    board = replace(X86_64, firmwares={Firmware.OVMF: image})
    monkeypatch.setattr("hibtest.machine.arch.BOARDS", {Arch.X86_64: board})
    with pytest.raises(HostError, match=r"OVMF\.fd is not there") as caught:
        require_firmware(Arch.X86_64, Firmware.OVMF)
    assert caught.value.hint == "apt install ovmf"
    image.path.touch()
    require_firmware(Arch.X86_64, Firmware.OVMF)
