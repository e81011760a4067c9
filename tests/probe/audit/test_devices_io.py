"""Exercises of devices that write and read: terminals, logs and generators that stand for them."""

import os
import pty
import select
import socket
import struct

import pytest

from hibtest.probe.audit import devices
from hibtest.probe.base import Failed, Lacking
from tests.probe.tree import Tree


def test_loopback_gives_back_what_is_sent() -> None:
    assert devices.loopback() == "received 5 bytes"


def test_a_line_goes_to_the_last_console(tree: Tree) -> None:
    ours, its = pty.openpty()
    tree.put("/sys/class/tty/console/active", "tty0 ttyS0\n")
    tree.link("/dev/ttyS0", os.ttyname(its))
    # the kernel drains a terminal at once; what it took is there for its other side
    assert devices.console() == "wrote to ttyS0"
    assert b"hibtest: audit" in os.read(ours, 100)
    os.close(ours)
    os.close(its)


def test_without_a_console_there_is_none(tree: Tree) -> None:
    tree.put("/sys/class/tty/console/active", "\n")
    with pytest.raises(Lacking, match="no console"):
        devices.console()


def test_a_line_of_the_kernel_log_comes_back(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put("/dev/kmsg", "6,1,1,-;earlier\n")
    with monkeypatch.context() as patch:
        patch.setattr(select, "select", lambda *_: ([], [], []))
        with pytest.raises(Failed, match="did not come back"):
            devices.kernel_log()
    assert devices.kernel_log() == "a line came back"
    assert tree.at("/dev/kmsg").read_text().endswith("<7>hibtest: audit\n" * 2)


@pytest.mark.parametrize(("chosen", "count"), [("none\n", 1), ("", 1), ("virtio_rng.0\n", 2)])
def test_the_hardwares_generator_is_asked_where_one_is(tree: Tree, chosen: str, count: int) -> None:
    if chosen:
        tree.put("/sys/class/misc/hw_random/rng_current", chosen)
    tree.put("/dev/hwrng", bytes(16))
    assert devices.randomness() == f"read from {count} generators"


def test_a_generator_that_gives_nothing_fails(tree: Tree) -> None:
    tree.put("/sys/class/misc/hw_random/rng_current", "virtio_rng.0\n")
    tree.put("/dev/hwrng", b"")
    with pytest.raises(Failed, match="no random numbers"):
        devices.randomness()


def test_temperatures_of_all_zones_are_read(tree: Tree) -> None:
    with pytest.raises(Lacking, match="no thermal zones"):
        devices.thermal()
    tree.put("/sys/class/thermal/cooling_device0/type", "Processor\n")
    with pytest.raises(Lacking, match="no thermal zones"):
        devices.thermal()
    tree.put("/sys/class/thermal/thermal_zone0/temp", "27800\n")
    tree.put("/sys/class/thermal/thermal_zone1/temp", "-1000\n")
    assert devices.thermal() == "read 2 zones"


@pytest.mark.parametrize("text", ["", "warm\n", None])
def test_a_zone_that_cannot_be_read_fails(tree: Tree, text: str | None) -> None:
    tree.put("/sys/class/thermal/thermal_zone0/type", "acpitz\n")
    if text is not None:
        tree.put("/sys/class/thermal/thermal_zone0/temp", text)
    with pytest.raises(Failed, match="a thermal zone cannot be read"):
        devices.thermal()


def test_addresses_of_routes_are_in_the_order_of_the_machine(recorded: Tree) -> None:
    name, destination, gateway = devices.routes()[0][:3]
    assert (name, destination) == ("eth0", "00000000")
    assert socket.inet_ntoa(struct.pack("<I", int(gateway, 16))) == "10.0.2.2"


def test_every_exercise_of_devices_has_a_name_of_its_own() -> None:
    found = devices.exercises({"devices": {}})
    assert len({one.name for one in found}) == len(found)
    assert all(one.covers and one.limit > 0 for one in found)
