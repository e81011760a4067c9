"""What a guest sees of its disks, seen by the host: views, one upon the other."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hibtest.image.blocks import Blocks
from hibtest.image.disk import open_disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A device beside the first of those that one stands on.

    :ivar file: What it lies in, beside the first one's file.
    :ivar views: What that is seen through.
    """

    file: str
    views: "tuple[View, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A view of a device that stands on several.

    :ivar view: Takes all of them, the first one first.
    :ivar others: Those beside the first.
    """

    view: Callable[..., Blocks]
    others: tuple[Leg, ...]


View = Callable[[Blocks], Blocks] | Joined
Open = Callable[[Path], AbstractContextManager[Blocks]]


@contextmanager
def seen(path: Path, views: tuple[View, ...], opener: Open = open_disk) -> Iterator[Blocks]:
    """Open the device that a disk comes to.

    :param path: The first disk; the others lie beside it.
    :param views: What it is seen through, from the disk up.
    :param opener: Opens each disk.
    :raise SpecError: When what it stands on is not there.
    :raise HostError: When a disk cannot be read.
    :raise Damaged: When what it stands on is not as it should be.
    """
    with ExitStack() as opened:
        yield _seen(path, views, lambda disk: opened.enter_context(opener(disk)))


def _seen(path: Path, views: tuple[View, ...], opened: Callable[[Path], Blocks]) -> Blocks:
    device = opened(path)
    for view in views:
        if isinstance(view, Joined):
            others = (_seen(path.with_name(leg.file), leg.views, opened) for leg in view.others)
            device = view.view(device, *others)
        else:
            device = view(device)
    return device
