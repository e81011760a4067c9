"""What the audit concludes of devices: recorded trees, in which something is changed."""

import time
from typing import Any

import pytest

from hibtest.probe.audit import devices
from hibtest.probe.base import Failed, Lacking
from tests.probe.tree import Tree

KEPT = {
    "drivers": "drivers that are bound",
    "virtio": "virtio devices",
    "pci": "PCI devices",
    "gpes": "ACPI events",
    "active_tty": "virtual terminals",
}


def before() -> dict[str, Any]:
    return {"devices": devices.state()}


def leading(seconds: float) -> dict[str, Any]:
    return {"devices": {"rtc": seconds}}


@pytest.mark.parametrize("key", KEPT)
def test_what_nobody_touched_is_as_before(recorded: Tree, key: str) -> None:
    was = before()
    assert devices.unchanged(key, KEPT[key], was).endswith(f"{KEPT[key]} as before")
    assert len(was["devices"][key]) > 0


def test_six_virtio_devices_are_up(recorded: Tree) -> None:
    found = devices.state()["virtio"]
    assert sorted(found) == [f"virtio{number}" for number in range(6)]
    assert set(found.values()) == {"0x0000000f"}


def test_a_device_that_lost_its_driver_is_named(recorded: Tree) -> None:
    was = before()
    recorded.drop("/sys/bus/virtio/devices/virtio0/driver")
    with pytest.raises(Failed, match=r"1 of \d+ differ: virtio/virtio0 was 'virtio_net', is None"):
        devices.unchanged("drivers", "drivers that are bound", was)


def test_another_driver_is_named(recorded: Tree) -> None:
    was = before()
    recorded.drop("/sys/bus/pci/devices/0000:00:02.0/driver")
    recorded.link("/sys/bus/pci/devices/0000:00:02.0/driver", "../../bus/pci/drivers/vfio-pci")
    with pytest.raises(Failed, match="was 'virtio-pci', is 'vfio-pci'"):
        devices.unchanged("drivers", "drivers that are bound", was)


def test_a_driver_that_came_is_no_fault(recorded: Tree) -> None:
    was = before()
    recorded.link("/sys/bus/pci/devices/0000:00:1f.3/driver", "../../bus/pci/drivers/i801_smbus")
    assert "as before" in devices.unchanged("drivers", "drivers that are bound", was)


def test_a_device_without_a_driver_has_none(recorded: Tree) -> None:
    found = devices.drivers()
    assert "pci/0000:00:1f.0" not in found
    assert found["pci/0000:00:02.0"] == "virtio-pci"


@pytest.mark.parametrize("at", [*range(3, 14), *range(15, 42)])  # 14 is the kind
def test_of_a_pci_header_command_and_addresses_count(tree: Tree, at: int) -> None:
    kept = at in (4, 5, *range(16, 40))
    path = "/sys/bus/pci/devices/0000:00:02.0/config"
    header = bytearray(64)
    tree.put(path, bytes(header))
    was = {"devices": {"pci": devices.pci()}}
    header[at] ^= 4
    tree.put(path, bytes(header))
    if kept:
        with pytest.raises(Failed, match=r"1 of 1 differ: 0000:00:02[.]0 was '0000"):
            devices.unchanged("pci", "PCI devices", was)
    else:
        assert devices.unchanged("pci", "PCI devices", was) == "1 PCI devices as before"


@pytest.mark.parametrize(("kind", "compared"), [(0, True), (0x80, True), (1, False), (2, False)])
def test_bridges_have_another_header(tree: Tree, kind: int, compared: bool) -> None:
    header = bytearray(64)
    header[14] = kind
    tree.put("/sys/bus/pci/devices/0000:00:01.0/config", bytes(header))
    assert bool(devices.pci()) is compared


def test_events_are_those_that_are_enabled_or_disabled(recorded: Tree) -> None:
    found = devices.gpes()
    assert found["ff_gbl_lock"] == "EN enabled"
    assert found["ff_rt_clk"] == "disabled"
    assert "ff_slp_btn" not in found  # invalid
    assert "sci" not in found  # a count alone


def test_an_event_that_stays_disabled_is_named_and_its_count_is_not(recorded: Tree) -> None:
    was = before()
    recorded.put("/sys/firmware/acpi/interrupts/gpe01", "       9  EN     enabled      unmasked\n")
    assert "as before" in devices.unchanged("gpes", "ACPI events", was)
    recorded.put("/sys/firmware/acpi/interrupts/gpe01", "       9         disabled     unmasked\n")
    with pytest.raises(Failed, match="gpe01 was 'EN enabled', is 'disabled'"):
        devices.unchanged("gpes", "ACPI events", was)


def test_no_more_than_five_are_named(tree: Tree) -> None:
    for number in range(9):
        tree.put(f"/sys/bus/virtio/devices/virtio{number}/status", "0x0000000f\n")
    was = {"devices": {"virtio": devices.KEPT["virtio"]()}}
    for number in range(7):
        tree.put(f"/sys/bus/virtio/devices/virtio{number}/status", "0x00000000\n")
    with pytest.raises(Failed, match=r"^7 of 9 differ: ") as failed:
        devices.unchanged("virtio", "virtio devices", was)
    assert str(failed.value).count("was '0x0000000f', is '0x00000000'") == 5


def test_what_was_not_there_before_is_lacking(tree: Tree) -> None:
    tree.at("/sys/bus").mkdir(parents=True)
    was = {"devices": {key: look() for key, look in devices.KEPT.items()}}
    for key in devices.KEPT:
        with pytest.raises(Lacking, match="this guest has no such things"):
            devices.unchanged(key, "such things", was)


def test_a_console_that_was_switched_is_named(recorded: Tree) -> None:
    was = before()
    recorded.put("/sys/class/tty/tty0/active", "tty63\n")
    with pytest.raises(Failed, match="was 'tty1', is 'tty63'"):
        devices.unchanged("active_tty", "virtual terminals", was)


def test_a_device_in_error_is_named(recorded: Tree) -> None:
    assert devices.runtime_pm().endswith("devices, none in error")
    recorded.put("/sys/bus/pci/devices/0000:00:04.0/power/runtime_status", "error\n")
    with pytest.raises(Failed, match=r"in error: 0000:00:04\.0$"):
        devices.runtime_pm()


def test_the_default_gateway_is_asked(recorded: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = iter(range(5, 100))
    monkeypatch.setattr(devices, "transmitted", lambda _: next(counted))
    assert devices.neighbour() == "eth0 sent, and 10.0.2.2 is known"


def test_a_card_that_sends_nothing_fails(recorded: Tree) -> None:
    recorded.put("/sys/class/net/eth0/statistics/tx_packets", "17\n")
    with pytest.raises(Failed, match=r"no answer of 10\.0\.2\.2 by eth0"):
        devices.neighbour()


@pytest.mark.parametrize(("flags", "known"), [("0x2", True), ("0x6", True), ("0x0", False)])
def test_an_answer_is_a_complete_entry(recorded: Tree, flags: str, known: bool) -> None:
    recorded.edit("/proc/net/arp", "0x1         0x2", f"0x1         {flags}")
    assert devices.answered("10.0.2.2") is known
    assert devices.answered("10.0.2.3") is False


def test_without_a_default_route_there_is_no_gateway(recorded: Tree) -> None:
    recorded.edit("/proc/net/route", "00000000\t0202000A", "000A0A0A\t0202000A")
    with pytest.raises(Lacking, match="no default route"):
        devices.neighbour()


@pytest.mark.parametrize(("was", "good"), [(0.0, True), (4.0, True), (-4.0, True), (7.0, False),
                                           (-7.0, False), (3600.0, False)])  # fmt: skip
def test_a_hardware_clock_may_lead_as_it_did(tree: Tree, was: float, good: bool) -> None:
    tree.put(devices.RTC, f"{round(time.time())}\n")
    if good:
        assert "apart" in devices.clocks(leading(was))
    else:
        with pytest.raises(Failed, match=f"was {was:.1f} s ahead of the system's"):
            devices.clocks(leading(was))


def test_a_hardware_clock_may_be_hours_ahead_all_along(tree: Tree) -> None:
    hour = 3600.0  # as one that keeps local time
    tree.put(devices.RTC, f"{round(time.time() + hour)}\n")
    assert "apart" in devices.clocks(leading(hour))
    with pytest.raises(Failed, match=r"was -3600\.0 s ahead of the system's"):
        devices.clocks(leading(-hour))


def test_a_clock_that_stands_still_fails(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put(devices.RTC, f"{round(time.time())}\n")
    was, now = leading(0.0), time.time()
    for clock in ("time", "monotonic"):
        with monkeypatch.context() as patch:
            patch.setattr(time, clock, lambda: now)
            with pytest.raises(Failed, match="a clock stands still"):
                devices.clocks(was)
    assert "apart" in devices.clocks(was)


@pytest.mark.parametrize("text", ["", "soon\n"])
def test_no_hardware_clock_is_lacking(tree: Tree, text: str) -> None:
    if text:
        tree.put(devices.RTC, text)
    assert devices.rtc_lead() is None
    with pytest.raises(Lacking, match="no hardware clock"):
        devices.clocks(leading(0.0))
