"""Which scenarios need which options of their kernel."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from hibtest.bench.catalogue import scenarios
from hibtest.spec import (
    AgentMethod,
    Crypt,
    DataDisk,
    Delay,
    Filesystem,
    Firmware,
    Flakey,
    FuseDirty,
    GuestSpec,
    Integrity,
    KernelMethod,
    Linear,
    LoopOnFuse,
    MuchMemory,
    Multipath,
    Nbd,
    Origin,
    Plug,
    Protect,
    Raid1,
    ResumeSpec,
    Scenario,
    Snapshot,
    Stopper,
    Striped,
    SwapDisk,
    SwapFile,
    SwapOnLoopOnFuse,
    Thin,
    Topology,
)
from hibtest.spec.lacking import Missing
from hibtest.spec.needs import NEEDS, Need, lack, needs_of, unmet, unmet_options

GUEST = GuestSpec(kernel="own", vcpus=1)
COMPRESSED = "CONFIG_CRYPTO_LZO or CONFIG_CRYPTO_LZ4"
ONE = Scenario(name="one", guest=GUEST)
BY_AGENT = replace(ONE, method=AgentMethod())
MAPS = "CONFIG_BLK_DEV_DM"
DEVICE = "CONFIG_HIBERNATION_SNAPSHOT_DEV"
MANY = {"CONFIG_SMP", "CONFIG_HOTPLUG_CPU"}


def guest(**what: object) -> Scenario:
    return replace(ONE, guest=replace(GUEST, **what))  # type: ignore[arg-type]


def by(**what: object) -> Scenario:
    return replace(ONE, method=AgentMethod(**what))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scenario", "needed"),
    [
        (ONE, {COMPRESSED}),
        (guest(append=("hibernate=nocompress",)), set()),
        (
            guest(append=("hibernate.compressor=lz4",)),
            {
                COMPRESSED,
                "CONFIG_CRYPTO_LZ4",
                "CONFIG_HIBERNATION_COMP_LZO or CONFIG_HIBERNATION_COMP_LZ4",
            },
        ),
        (guest(vcpus=2), {COMPRESSED, *MANY}),
        (replace(ONE, resume=ResumeSpec(vcpus=4)), {COMPRESSED, *MANY}),
        (
            replace(guest(max_vcpus=2), before=(Plug(),)),
            {COMPRESSED, "CONFIG_ACPI_HOTPLUG_CPU", "CONFIG_HYPERVISOR_GUEST", *MANY},
        ),
        (guest(vcpus=4, topology=Topology(sockets=2, cores=2)), {COMPRESSED, *MANY}),
        (
            guest(vcpus=4, topology=Topology(cores=2, threads=2)),
            {COMPRESSED, "CONFIG_SCHED_SMT", *MANY},
        ),
        (guest(firmware=Firmware.OVMF), {COMPRESSED, "CONFIG_EFI_STUB"}),
        (
            replace(ONE, resume=ResumeSpec(firmware=Firmware.OVMF)),
            {COMPRESSED, "CONFIG_EFI_STUB"},
        ),
        (guest(root=(Linear(),)), {COMPRESSED, "CONFIG_BLK_DEV_DM"}),
        (
            replace(ONE, layout=(SwapDisk(), SwapDisk(on=(Crypt(),)))),
            {COMPRESSED, "CONFIG_BLK_DEV_DM", "CONFIG_DM_CRYPT"},
        ),
        (
            guest(data=DataDisk(filesystem=Filesystem.XFS, on=(Crypt(),))),
            {COMPRESSED, "CONFIG_BLK_DEV_DM", "CONFIG_DM_CRYPT", "CONFIG_XFS_FS"},
        ),
        (
            replace(ONE, layout=(SwapFile(filesystem=Filesystem.BTRFS),)),
            {COMPRESSED, "CONFIG_BTRFS_FS"},
        ),
        (guest(root=(Striped(),)), {COMPRESSED, MAPS}),
        (guest(root=(Raid1(),)), {COMPRESSED, MAPS, "CONFIG_DM_RAID"}),
        (guest(root=(Thin(),)), {COMPRESSED, MAPS, "CONFIG_DM_THIN_PROVISIONING"}),
        (guest(root=(Snapshot(),)), {COMPRESSED, MAPS, "CONFIG_DM_SNAPSHOT"}),
        (guest(root=(Origin(),)), {COMPRESSED, MAPS, "CONFIG_DM_SNAPSHOT"}),
        (guest(root=(Integrity(),)), {COMPRESSED, MAPS, "CONFIG_DM_INTEGRITY"}),
        (guest(root=(Delay(),)), {COMPRESSED, MAPS, "CONFIG_DM_DELAY"}),
        (guest(root=(Flakey(),)), {COMPRESSED, MAPS, "CONFIG_DM_FLAKEY"}),
        (guest(root=(Multipath(),)), {COMPRESSED, MAPS, "CONFIG_DM_MULTIPATH"}),
        (BY_AGENT, {DEVICE}),
        (
            by(protect=Protect.DM_SNAPSHOT),
            {DEVICE, "CONFIG_BLK_DEV_DM", "CONFIG_DM_SNAPSHOT"},
        ),
        (by(stopper=Stopper.CGROUP), {DEVICE, "CONFIG_CGROUPS"}),
        (by(page_out="madvise"), {DEVICE, "CONFIG_ADVISE_SYSCALLS"}),
        (by(page_out="reclaim"), {DEVICE, "CONFIG_MEMCG"}),
        (replace(ONE, workloads=(FuseDirty(),)), {COMPRESSED, "CONFIG_FUSE_FS"}),
        (
            replace(ONE, workloads=(LoopOnFuse(),)),
            {COMPRESSED, "CONFIG_FUSE_FS", "CONFIG_BLK_DEV_LOOP"},
        ),
        (
            replace(ONE, workloads=(SwapOnLoopOnFuse(),)),
            {COMPRESSED, "CONFIG_FUSE_FS", "CONFIG_BLK_DEV_LOOP"},
        ),
        (replace(ONE, workloads=(Nbd(),)), {COMPRESSED, "CONFIG_BLK_DEV_NBD"}),
        (replace(ONE, workloads=(MuchMemory(),)), {COMPRESSED, "CONFIG_MEMFD_CREATE"}),
    ],
)
def test_each_part_of_a_scenario_asks_for_what_it_needs(
    scenario: Scenario, needed: Iterable[str]
) -> None:
    found = [need.option for need in needs_of(scenario)]
    assert sorted(found) == sorted({"CONFIG_ACPI", *needed})


def lacking(*options: str) -> tuple[Missing, ...]:
    """Return what a kernel lacks that has everything but some options."""
    found = (lack(need, lambda option: "n" if option in options else "y") for need in NEEDS)
    return tuple(one for one in found if one)


def test_a_scenario_that_does_not_apply_says_which_option_and_why() -> None:
    load = replace(ONE, workloads=(LoopOnFuse(),))
    assert unmet(load, lacking("BLK_DEV_NBD", "FUSE_FS")) == (
        "CONFIG_FUSE_FS is not set (FUSE filesystems, which stoppers fall over)"
    )
    both = unmet(load, lacking("BLK_DEV_LOOP", "FUSE_FS"))
    assert both.startswith("CONFIG_BLK_DEV_LOOP is not set (swap on loop devices); CONFIG_FUSE_FS")


def test_it_applies_where_nothing_of_it_is_lacking_or_nobody_knows() -> None:
    assert unmet(ONE, lacking("FUSE_FS")) == ""
    assert unmet(ONE, None) == ""
    assert unmet(ONE, lacking("CRYPTO_LZO")) == ""


def test_options_alone_are_asked_like_scenarios() -> None:
    assert unmet_options(("SECRETMEM", "BUG"), lacking("SECRETMEM")).startswith("CONFIG_SECRETMEM")
    assert unmet_options(("BUG",), lacking("SECRETMEM")) == ""
    assert unmet_options(("BUG",), None) == ""


def test_what_every_guest_needs_bars_no_scenario_by_itself() -> None:
    assert not any(need.always for one in scenarios() for need in needs_of(one))


def test_all_of_our_scenarios_are_asked_for_by_some_need_of_their_own() -> None:
    """Those that need most of a kernel would be the first to fail on one that lacks it."""
    asked = {need.option for one in scenarios() for need in needs_of(one)}
    assert asked >= {
        "CONFIG_BLK_DEV_DM", "CONFIG_DM_SNAPSHOT", "CONFIG_DM_CRYPT", "CONFIG_FUSE_FS",
        "CONFIG_BLK_DEV_LOOP", "CONFIG_BLK_DEV_NBD", "CONFIG_CRYPTO_LZ4", "CONFIG_CGROUPS",
        "CONFIG_HIBERNATION_SNAPSHOT_DEV", "CONFIG_SMP", "CONFIG_ACPI_HOTPLUG_CPU",
    }  # fmt: skip


def test_a_kernel_method_needs_no_device() -> None:
    assert DEVICE not in {need.option for need in needs_of(replace(ONE, method=KernelMethod()))}


def test_no_need_is_there_twice() -> None:
    assert len({need.option for need in NEEDS}) == len(NEEDS)


def test_modules_stand_for_the_options_in_their_order() -> None:
    assert {len(need.modules) for need in NEEDS if need.modules} == {1, 2}
    assert all(len(need.modules) in {0, len(need.options)} for need in NEEDS)
    need = Need(options=("A", "B"), modules=("a", "b"), why="", always=False)
    assert lack(need, {"A": "m", "B": "n"}.__getitem__, {"a"}) is None
    found = lack(need, {"A": "m", "B": "n"}.__getitem__, {"b"})
    assert found is not None
    assert (found.wanted, found.found) == ("y or m", "gone")
