"""Where a kernel looked for the swap, or for the image in it, and where they lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from hibtest import story
from hibtest.evidence import Boot

_NOBODY = "0:0"  # /sys/power/resume of a kernel that was told of no device


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A page of a device.

    :ivar device: ``MAJOR:MINOR``; empty: it is not known.
    """

    page: int
    device: str

    def __str__(self) -> str:
        return f"page {self.page} of {self.device}" if self.device else f"page {self.page}"

    def differs(self, other: "Place") -> bool:
        """Return whether it is known to be another one."""
        devices = {self.device, other.device}
        return self.page != other.page or ("" not in devices and len(devices) == 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the kernel was told of the swap to write to, and which swaps there were."""

    told: Place
    swaps: tuple[str, ...]

    @property
    def taken(self) -> str:
        """The device that it writes to, as far as that is known.

        Told of none, the kernel takes the first that there is (find_first_swap(), mm/swapfile.c,
        6.1 to 7.3).
        """
        if self.told.device != _NOBODY:
            return self.told.device
        return self.swaps[0].partition("=")[2] if self.swaps else ""


def elsewhere(before: Boot, boot: Boot, *, moved: bool = False) -> str:
    """Say where an image that waits lies, and where the kernel of the next boot looked for it.

    :param before: The boot that wrote it.
    :param moved: Whether disks have other numbers in the next boot.
    :return: The same place: nothing.
    """
    lies, looked = image_in(before), _last(boot, "resume-try")
    if lies is None or looked is None or not lies.differs(looked):
        return ""
    if moved and lies.page == looked.page:
        return ""
    return f"it looked at {looked}, and the image's header is at {lies}"


def image_in(boot: Boot) -> Place | None:
    """Return where the header of the image lies that a boot left; ``None``: it left none."""
    if boot.header is None or not boot.header.armed:
        return None
    told, order = _last(boot, "swap-offset"), _order(boot)
    device = (told.device if told else "") or (order.taken if order else "")
    return Place(page=boot.swap_offset or 0, device=device)


def lost(boot: Boot) -> str:
    """Say where an image went of which the disks have nothing, though it was written."""
    order, names = _order(boot), {mark.name for mark in story.last_try(boot.marks)}
    if order is None or "armed" not in names or order.told.device != _NOBODY or not order.swaps:
        return ""
    name, _, device = order.swaps[0].partition("=")
    where = f"{name} ({device})" if device else name
    return (
        f"the kernel was told of no device to resume from, and wrote one to the first swap, {where}"
    )


def no_swap(boot: Boot) -> str:
    """Say where a kernel looked that found no swap to write to, and where the swap lies."""
    order, lies = _order(boot), _last(boot, "swap-offset")
    if order is None:
        return ""
    if not order.swaps:
        return "no swap is switched on"
    looked = f"it looked for a swap that begins at {order.told}"
    if order.told.device == _NOBODY:
        taken = f"it was told of no device, took the first swap, {order.swaps[0]}"
        looked = f"{taken}, and looked at its page {order.told.page}"
    if lies is None:
        return f"{looked}; swaps: {', '.join(order.swaps)}"
    return f"{looked}, and the swap file begins at {lies}"


def _order(boot: Boot) -> _Order | None:
    line = _line(boot, "writes-to")
    place = story.place(line) if line else None
    if place is None:
        return None
    device, page, swaps = place
    return _Order(told=Place(page=page, device=device), swaps=tuple(swaps.split()))


def _last(boot: Boot, name: str) -> Place | None:
    line = _line(boot, name)
    place = story.place(line) if line else None
    return Place(page=place[1], device=place[0]) if place else None


def _line(boot: Boot, name: str) -> str:
    marks: Sequence[str] = [mark.line for mark in boot.marks if mark.name == name]
    return marks[-1] if marks else ""
