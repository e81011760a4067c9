"""How much swap does an image need, to the page?

An image that is not compressed says before it is written how long it will be. One guest tries
again and again, each time with a swap that is one page larger, until the kernel takes it: every
refusal and the one success are held against the kernel's own rule, with the number of pages of
that very try. The image that just fits is read on the host, page by page, and resumed.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest

from hibtest import images
from hibtest.bench.prepare import Bench
from hibtest.cycle.boot import Came, came_up, running
from hibtest.cycle.guest import Guest, kept
from hibtest.cycle.lab import Lab
from hibtest.errors import GuestError
from hibtest.spec import GuestSpec, KernelMethod, Mode, Role, Scenario, Stage, SwapDisk
from hibtest.spec.course import first

pytestmark = pytest.mark.guest

PAGE, LONG = 4096, 8  # bytes
# What the kernel wants beside the image (PAGES_FOR_IO, kernel/power/power.h), and its own page.
FOR_IO, INFO, HEADER = 4 * 1024 * 1024 // PAGE, 1, 1
MAP = 1  # the first page of the image's map, taken before the others are asked for
BELOW = 4  # slots below the boundary from which it is neared again
STEPS = 400  # tries, at most: how many pages there are to be copied differs from one to the next
SWAP = "/dev/disk/by-id/virtio-swap"
CREATED = re.compile(r"Image created \((\d+) pages copied(?:, (\d+) zero pages)?\)")
TRY = f"""
/usr/sbin/swapoff {SWAP} && /usr/sbin/mkswap --quiet {SWAP} {{kib}} && /usr/sbin/swapon {SWAP} ||
exit
[ ! -e /sys/power/pm_debug_messages ] || echo 1 >/sys/power/pm_debug_messages
dmesg -n 8
dmesg -c >/dev/null
echo shutdown >/sys/power/disk && echo disk >/sys/power/state
status=$?
echo "hibtest: hibernate shutdown returned $status" >/dev/console
dmesg
tail -n +2 /proc/swaps
exit $status
"""


@dataclass(frozen=True, slots=True)
class Try:
    """A hibernation that was tried.

    :ivar free: Slots that the swap has.
    :ivar needed: As many, and one more, there must be.
    """

    free: int
    needed: int

    @property
    def fits(self) -> bool:
        """Whether the kernel must take it.

        swsusp_write(), get_swap_writer(), enough_swap(), kernel/power/swap.c, 6.1 to 7.3.
        """
        return self.free - MAP > self.needed


def needed(log: str) -> int:
    """Return how many slots an image takes, and what the kernel wants beside.

    The numbers of all pages are part of it, those of zero pages too, which are not copied (v6.7
    and later): swsusp_save(), snapshot_get_image_size(), kernel/power/snapshot.c, 6.1 to 7.3.
    """
    found = CREATED.findall(log)
    assert found, log
    copied, zero = (int(number or 0) for number in found[-1])
    numbers = -(-(copied + zero) * LONG // PAGE)
    return copied + numbers + INFO + FOR_IO


def tried(guest: Guest, free: int) -> Try | None:
    """Have a guest hibernate with so many slots; ``None``: it did."""
    deadline = guest.run.deadline(Stage.WRITE, f"a hibernation with {free} slots", times=2)
    command = TRY.format(kib=(free + HEADER) * PAGE // 1024)
    try:
        came = guest.shell.run(command, deadline, check=False)
    except GuestError:  # it is off, and its connection with it
        return None
    guest.run.watch.pump()
    assert "Not enough free swap" in came.stdout, came.stdout + came.stderr
    *_, used, _priority = came.stdout.splitlines()[-1].split()
    assert used == "0", "slots of the image that was refused are still taken"
    return Try(free=free, needed=needed(came.stdout))


# Of 7.3 the kernel for all hardware: the cloud kernel does not tell how many pages it has copied.
@pytest.mark.wide
@pytest.mark.parametrize("kernel", ["bookworm", "trixie", "backports-generic"])
def test_an_image_is_refused_up_to_the_page_at_which_it_fits(hib_bench: Bench, kernel: str) -> None:
    images.build([kernel])
    scenario = Scenario(
        name="boundary-KERNEL",
        guest=GuestSpec(kernel=kernel, vcpus=1, append=("hibernate=nocompress",)),
        layout=(SwapDisk(size_mib=512),),
        method=KernelMethod(mode=Mode.SHUTDOWN),
    )
    lab = Lab.of(hib_bench.job(scenario))
    with kept(lab) as guest:
        small = tried(guest, FOR_IO)
        assert small
        refused, free = [small], small.needed - BELOW
        while now := tried(guest, free):
            assert not now.fits, f"refused, although {now.free} slots are more than {now.needed}"
            refused.append(now)
            assert len(refused) < STEPS, refused[-8:]
            free = max(free + 1, now.needed - BELOW)
        watch = guest.run.watch
        assert watch.until(watch.ended, "the power-off")
        log = (lab.job.directory / "boot-1" / "console.log").read_text(errors="replace")
        took = Try(free=free, needed=needed(log))
        print(f"{kernel}: {len(refused)} refused, the last {refused[-1]}; taken: {took}")
        assert took.fits, f"taken, although {took.free} slots are not more than {took.needed}"
        assert all(a.free < b.free for a, b in pairwise(refused))
        swap = guest.run.swap
        assert swap
        with swap.open() as image:
            assert image.info.pages == took.needed - FOR_IO
        resume = first(scenario, Role.RESUME)
        with running(lab, resume, 1, lab.job.directory / "resume") as run:
            assert came_up(run.watch) is Came.RESUMED
