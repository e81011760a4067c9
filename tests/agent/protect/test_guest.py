"""Every protection in real guests, up to the snapshot and back, on each kernel."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hibtest import images
from hibtest.agent.protect import dmsnapshot
from hibtest.bench.prepare import bench
from hibtest.cycle.guest import kept
from hibtest.cycle.lab import Lab
from hibtest.deadline import Deadline
from hibtest.reach.shell import Shell
from hibtest.spec import GuestSpec, Linear, Scenario
from tests.agent.guests import KERNELS, agent_with

pytestmark = pytest.mark.guest

HERE = Path(__file__).parent
SCRATCH = "/dev/disk/by-id/virtio-scratch"
PYZ = "/run/inside.pyz"
STACKED = sorted(dmsnapshot.STACKABLE)
# Each of those, on its part of a RAM disk, with a filesystem and a file.
STACK = f"""
set -e
export DM_DISABLE_UDEV=1
make() {{ echo "0 ${{3:-32768}} $2" | dmsetup create "$1"; }}
modprobe brd rd_nr=1 rd_size=131072
make linear "linear /dev/ram0 0"
make striped "striped 2 128 /dev/ram0 32768 /dev/ram0 65536"
make crypt "crypt aes-xts-plain64 $(printf %064d 7) 0 /dev/ram0 98304"
make delay "delay /dev/ram0 131072 0"
make flakey "flakey /dev/ram0 163840 3600 0"
make thin-meta "linear /dev/ram0 196608" 8192
make thin-data "linear /dev/ram0 204800"
make thin-pool "thin-pool /dev/mapper/thin-meta /dev/mapper/thin-data 128 0"
dmsetup message thin-pool 0 "create_thin 0"
make thin "thin /dev/mapper/thin-pool 0"
for name in {" ".join(STACKED)}; do
    mkfs.ext4 -q -E nodiscard /dev/mapper/$name
    mkdir -p /run/stack/$name
    mount /dev/mapper/$name /run/stack/$name
    head -c 2000000 /dev/urandom >/run/stack/$name/file
done
sync
"""
UNSTACK = f"""
umount /run/stack/*
for name in {" ".join(STACKED)} thin-pool thin-data thin-meta; do
    DM_DISABLE_UDEV=1 dmsetup remove $name
done
modprobe -r brd
"""
# A device whose key is where cryptsetup puts that of LUKS2: in a keyring that ends with it.
LUKS = """
set -e
modprobe brd rd_nr=1 rd_size=65536
printf secret >/run/secret
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
    /dev/ram0 /run/secret
cryptsetup open --key-file /run/secret $OPTIONS /dev/ram0 secret
mkfs.ext4 -q /dev/mapper/secret
mount /dev/mapper/secret /mnt
"""
UNLUKS = "umount /mnt; cryptsetup close secret; modprobe -r brd"


@pytest.fixture(scope="module", params=KERNELS)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """A guest whose root is on device mapper."""
    directory = tmp_path_factory.mktemp("guest")
    guest = GuestSpec(kernel=request.param, vcpus=1, root=(Linear(),), scratch_mib=256)
    scenario = Scenario(name="protect", guest=guest)
    images.build([guest.kernel])
    job = bench(directory, "auto", proof=False).job(scenario)
    main = (HERE / "inside.py").read_bytes()
    with kept(Lab.of(job)) as up:
        up.shell.push(agent_with({"__main__.py": main}), PYZ, 0o755, soon())
        yield up.shell


def soon() -> Deadline:
    return Deadline.after(120, "the guest's answer")


def save(shell: Shell, how: str, what: str, scratch: str = SCRATCH) -> dict[str, Any]:
    facts: dict[str, Any] = shell.run_json(f"python3 -B {PYZ} {how} {scratch} {what}", soon())
    assert "undo_error" not in facts, facts
    assert facts["tables_as_before"], facts
    shell.run("touch /root/alive && sync && rm /root/alive", soon())  # all is thawed
    return facts


@pytest.mark.parametrize("how", ["none", "fsfreeze", "dm-snapshot"])
def test_nothing_is_written_and_all_is_as_before(shell: Shell, how: str) -> None:
    facts = save(shell, how, "clean")
    assert facts["saving"]
    assert facts["content"] == ["old"]


def test_the_scratch_is_empty_at_the_snapshot(shell: Shell) -> None:
    facts = save(shell, "dm-snapshot", "clean")
    [status] = facts["empty"].values()
    allocated, metadata = status.split("/")[0], status.split()[1]
    assert allocated == metadata


def test_what_was_written_after_the_snapshot_is_kept_when_the_save_fails(shell: Shell) -> None:
    facts = save(shell, "dm-snapshot", "written")
    assert facts["errors"] == 0
    [status] = facts["used"].values()
    allocated, metadata = status.split("/")[0], status.split()[1]
    assert int(allocated) - int(metadata) >= 2048  # sectors
    assert facts["content"] == ["new"]


@pytest.mark.parametrize("how", ["fsfreeze", "dm-snapshot"])
@pytest.mark.parametrize("when", ["early", "killed"])
def test_another_process_undoes_what_a_killed_one_did(shell: Shell, how: str, when: str) -> None:
    facts = save(shell, how, when)
    assert facts["signal"] == 9
    assert how in facts["undone"]


def test_a_full_scratch_loses_nothing_of_what_it_holds(shell: Shell) -> None:
    shell.run(
        f"echo 0 4096 linear {SCRATCH} 8192 | DM_DISABLE_UDEV=1 dmsetup create little", soon()
    )
    try:
        facts = save(shell, "dm-snapshot", "full", "/dev/mapper/little")
    finally:
        shell.run("DM_DISABLE_UDEV=1 dmsetup remove little", soon())
    assert facts["errors"] > 0
    assert list(facts["used"].values()) == ["Overflow"]
    assert "new" in facts["content"]


def test_a_filesystem_that_somebody_else_froze_stays_frozen(shell: Shell) -> None:
    facts = save(shell, "fsfreeze", "others")
    assert "frozen by somebody else" in facts["error"]
    assert facts["thawed"] == ["/"]  # not before


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("printf data", "something unknown"),
        # what an earlier save left, and a RAID that was made on it since
        (r"(printf SnAp; head -c 4092 /dev/zero; printf '\374\116\053\251')", "a RAID member (md)"),
    ],
)
def test_a_scratch_that_holds_something_is_refused(shell: Shell, content: str, what: str) -> None:
    shell.run(f"{content} | dd of={SCRATCH} conv=notrunc", soon())
    try:
        facts = save(shell, "dm-snapshot", "clean")
    finally:
        shell.run(f"dd if=/dev/zero of={SCRATCH} bs=64k count=1 conv=notrunc", soon())
    assert f"holds {what}" in facts["error"]
    assert facts["undone"] == []


def test_all_that_can_be_stacked_at_once(shell: Shell) -> None:
    try:
        shell.run(STACK, soon())
        sums = shell.run("md5sum /run/stack/*/file", soon()).stdout
        facts = save(shell, "dm-snapshot", "written")
        shell.run("echo 3 >/proc/sys/vm/drop_caches", soon())
        assert shell.run("md5sum /run/stack/*/file", soon()).stdout == sums
    finally:
        shell.run(UNSTACK, soon())
    assert "error" not in facts, facts
    assert set(facts["applied"]["snapshots"]) == {"root", *STACKED}
    assert facts["undone"].count("dm-snapshot") == 1 + len(STACKED)


@pytest.mark.parametrize("options", ["", "--disable-keyring"])
def test_luks_with_its_key_in_a_keyring_is_refused(shell: Shell, options: str) -> None:
    try:
        shell.run(f"OPTIONS={options}\n{LUKS}", soon())
        facts = save(shell, "dm-snapshot", "clean")
    finally:
        shell.run(UNLUKS, soon())
    if options:
        assert set(facts["applied"]["snapshots"]) == {"root", "secret"}
    else:
        assert "/mnt lies on secret, whose key is in a keyring" in facts["error"]
        assert facts["undone"] == []
