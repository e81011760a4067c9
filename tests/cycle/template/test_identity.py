"""What a template is bound to: whatever of it is another, another template is meant."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cycle.template import identity
from hibtest.cycle.template.identity import recipe_of
from hibtest.cycle.template.sums import Sums
from hibtest.evidence import Host
from hibtest.job import Job
from hibtest.spec import GuestSpec, Role
from tests.cycle.jobs import ONE
from tests.cycle.template.warm import order_of

Warm = Callable[..., Job]


def _key(job: Job, role: Role) -> str:
    order = order_of(job, role)
    return recipe_of(job, order.spec, order.place, Sums(job.directory / "sums.json")).key


@pytest.mark.parametrize("role", [Role.SAVE, Role.RESUME])
def test_same_run_in_another_directory_has_the_same(warm: Warm, role: Role) -> None:
    job = warm()
    other = job.directory.with_name("another")
    job.directory.rename(other)
    moved = replace(job, directory=other)
    before = _key(moved, role)
    other.rename(job.directory)
    assert _key(job, role) == before


def test_resume_and_cold_boots_start_alike_and_saves_do_not(warm: Warm) -> None:
    job = warm()
    assert _key(job, Role.RESUME) == _key(job, Role.COLD) != _key(job, Role.SAVE)


def _rewritten(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b" and more")


@pytest.mark.parametrize("role", [Role.SAVE, Role.RESUME])
@pytest.mark.parametrize("what", ["kernel", "initrd", "root", "toolbox"])
def test_file_that_is_booted_from(warm: Warm, role: Role, what: str) -> None:
    job = warm()
    before = _key(job, role)
    _rewritten(getattr(job.files, what))
    assert _key(job, role) != before


@pytest.mark.parametrize("role", [Role.SAVE, Role.RESUME])
@pytest.mark.parametrize("what", ["qemu", "bios"])
def test_qemu_and_its_firmware(warm: Warm, tmp_path: Path, role: Role, what: str) -> None:
    job = warm()
    before = _key(job, role)
    _rewritten(tmp_path / what)
    (tmp_path / "qemu").chmod(0o755)
    assert _key(job, role) != before


def test_version_of_qemu(warm: Warm) -> None:
    job = warm()
    other = replace(job, host=Host(qemu="10.1", accel="tcg"))
    assert _key(job, Role.SAVE) != _key(other, Role.SAVE)


@pytest.mark.parametrize("role", [Role.SAVE, Role.RESUME])
def test_cpu_of_the_host(
    warm: Warm, tmp_path: Path, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, info = warm(), tmp_path / "cpuinfo"
    monkeypatch.setattr(identity, "_CPUINFO", info)
    keys = set()
    for mhz in (2000, 3000):
        for name in ("One", "Other"):
            info.write_text(f"processor\t: 0\nmodel name\t: {name}\ncpu MHz\t: {mhz}\n")
            keys.add(_key(job, role))
    assert len(keys) == 2


@pytest.mark.parametrize("role", [Role.SAVE, Role.RESUME])
@pytest.mark.parametrize(
    "guest",
    [
        replace(ONE.guest, vcpus=3),
        replace(ONE.guest, memory_mib=600),
        replace(ONE.guest, cpu="qemu64"),
        replace(ONE.guest, append=("quiet",)),
    ],
)
def test_shape_and_kernel_command_line(warm: Warm, role: Role, guest: GuestSpec) -> None:
    job = warm()
    other = replace(job, scenario=replace(ONE, guest=guest))
    assert _key(job, role) != _key(other, role)


def test_machine_that_is_looked_into(warm: Warm) -> None:
    job = warm()
    assert _key(job, Role.SAVE) != _key(replace(job, proof=True), Role.SAVE)


def _written(disk: Path, at: int, data: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_what_lies_on_a_disk_counts_where_the_guest_has_read_it(warm: Warm) -> None:
    job = warm()
    save, resume = _key(job, Role.SAVE), _key(job, Role.RESUME)
    _written(job.directory / "swap.raw", 1 << 20, b"an image")
    assert _key(job, Role.SAVE) != save
    assert _key(job, Role.RESUME) == resume


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (446, bytes(64) + b"\x55\xaa"),
        (512, b"EFI PART" + bytes(84)),
    ],
)
def test_partition_table_counts_in_early_userspace(warm: Warm, at: int, data: bytes) -> None:
    job = warm()
    resume = _key(job, Role.RESUME)
    _written(job.directory / "swap.raw", at, data)
    assert _key(job, Role.RESUME) != resume


def test_disk_signature_counts_in_early_userspace(warm: Warm) -> None:
    job = warm()
    _written(job.directory / "swap.raw", 510, b"\x55\xaa")
    resume = _key(job, Role.RESUME)
    _written(job.directory / "swap.raw", 440, b"name")
    assert _key(job, Role.RESUME) != resume


def test_size_of_a_disk_counts_in_early_userspace(warm: Warm) -> None:
    job = warm()
    resume = _key(job, Role.RESUME)
    with (job.directory / "swap.raw").open("r+b") as file:
        file.truncate(5 << 20)
    assert _key(job, Role.RESUME) != resume
