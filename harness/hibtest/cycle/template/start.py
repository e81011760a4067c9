"""What a boot starts from: a template that is there, one that is made now, or its firmware."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hibtest import story
from hibtest.cycle.storage import Storage
from hibtest.cycle.template.identity import recipe_of
from hibtest.cycle.template.rule import Place
from hibtest.cycle.template.shelf import Shelf
from hibtest.deadline import Deadline
from hibtest.errors import GuestError, HibtestError
from hibtest.job import Job
from hibtest.machine.disk import copy, require_room
from hibtest.machine.process import Saved, start
from hibtest.machine.shape import Disk, MachineSpec
from hibtest.reach.console import Console
from hibtest.store import Recipe, remove_tree

_STATE, _CONSOLE = "state", "console.log"
_WORTH = 2  # boots that start alike: making a template takes as long as one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A boot that may start from a template.

    :ivar spec: Its machine.
    :ivar place: Where the template is saved.
    :ivar boots: Boots of its run that start like it, itself included.
    :ivar limit: Seconds that a guest may take to get there.
    :ivar note: Told, in a line, what is done.
    """

    job: Job
    storage: Storage
    spec: MachineSpec
    place: Place
    boots: int
    limit: float
    note: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template that a boot starts from."""

    key: str
    saved: Saved


def template_for(order: Order) -> Template | None:
    """Return what a boot starts from, its disks as they were then; ``None``: its firmware.

    Whatever is wrong with a template is told, and the boot starts without.
    """
    if order.job.templates is None:
        return None
    shelf = Shelf(order.job.templates)
    try:
        recipe = recipe_of(order.job, order.spec, order.place, shelf.sums)
        path = _found(order, shelf, recipe)
        if path is None:
            return None
        _put_disks(order, path)
        shelf.use(recipe.key)
        saved = Saved(state=path / _STATE, console=(path / _CONSOLE).read_bytes())
        return Template(key=recipe.key, saved=saved)
    except (HibtestError, OSError) as error:
        told = error.message if isinstance(error, HibtestError) else str(error)
        order.note(f"no template: {told}")
        _fresh_disks(order)
        return None


def put_back(order: Order, template: Template, error: HibtestError) -> None:
    """Give up a template that a machine could not go on from, and make the run's disks anew."""
    give_up(order, template, error.message)
    _fresh_disks(order)


def give_up(order: Order, template: Template, why: str) -> None:
    """Remove a template, and say why; what stands against that is said, too."""
    order.note(f"template {template.key}: {why}")
    if order.job.templates is not None:
        try:
            Shelf(order.job.templates).drop(template.key)
        except HibtestError as error:
            order.note(f"template {template.key} stays: {error.message}")


def _found(order: Order, shelf: Shelf, recipe: Recipe) -> Path | None:
    met = shelf.meet(recipe.key)
    try:
        path = shelf.find(recipe.key)
    except HibtestError as error:
        order.note(f"a damaged template: {error.message}")
        path = None
    if path is not None or met + order.boots < _WORTH:
        return path
    waited: list[str] = []

    def waiting() -> None:
        if not waited:
            waited.append(recipe.key)
            order.note(f"waits for {recipe.key}, which another run makes")

    def fill(directory: Path) -> Mapping[str, object]:
        order.note(f"makes {recipe.key}: a boot up to where the guest waits")
        return _fill(order, directory)

    return shelf.make(recipe, fill, waiting)


def _fill(order: Order, directory: Path) -> Mapping[str, object]:
    """Boot the run's own machine up to the place, and keep it with its disks.

    Nothing is written to a disk up to early userspace, so that the run's stay as they are.
    """
    require_room(directory, 2 * order.spec.guest.memory_mib)
    machines = directory / "machine"
    deadline = Deadline.after(order.limit, f"a guest that waits {order.place}")
    with start(order.spec, machines) as machine, Console(machine.console) as console:
        console.expect(rf"hibtest: waits {order.place}[^\n]*\n", deadline)
        machine.save(directory / _STATE, deadline)
    _require_untroubled(machines / _CONSOLE)
    shutil.copyfile(machines / _CONSOLE, directory / _CONSOLE)
    remove_tree(machines)
    for disk in _disks(order):
        copy(disk.path, directory / disk.path.name)
    return {"scenario": order.job.scenario.name, "kernel": order.job.kernel.release}


def _require_untroubled(log: Path) -> None:
    """Refuse a guest whose kernel reported trouble: each boot from it would hear that again."""
    with log.open(encoding="utf-8", errors="backslashreplace") as lines:
        trouble = story.trouble(story.read(line.rstrip("\r\n") for line in lines).marks)
    if trouble is not None:
        raise GuestError(f"while it was made, {trouble.reason}")


def _disks(order: Order) -> tuple[Disk, ...]:
    """Return the run's own disks that a template has copies of."""
    run = order.job.directory
    if order.place is not Place.READY:
        return ()
    return tuple(one for one in order.spec.disks if one.path.is_relative_to(run))


def _put_disks(order: Order, template: Path) -> None:
    for disk in _disks(order):
        copy(template / disk.path.name, disk.path)


def _fresh_disks(order: Order) -> None:
    if _disks(order):
        order.storage.make(order.job.files, order.job.directory)
