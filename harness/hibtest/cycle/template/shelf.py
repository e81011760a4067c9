"""Where templates are kept: found, counted, retired, and bounded."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hibtest.cycle.template.sums import Sums
from hibtest.errors import HostError
from hibtest.store import MANIFEST, Recipe, Store, read_json

MOST_BYTES = 4 << 30  # that all templates take together
_MOST_NOTES = 500  # of shapes that were met, and have no template
MOST_USES = (
    25  # boots from one template: then another kernel is booted, which lies elsewhere (KASLR)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A template that is there.

    :ivar uses: Boots that have started from it.
    :ivar bytes: What it takes on the disk.
    :ivar used: When it was used last: seconds since 1970.
    :ivar facts: What its manifest says.
    """

    key: str
    uses: int
    bytes: int
    used: float
    facts: Mapping[str, Any]


class Shelf:
    """All templates of this user.

    :param root: Their directory; made when the first is.
    :ivar sums: What files hold.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._store = Store(root)
        self.sums = Sums(root / "sums.json")

    def meet(self, key: str) -> int:
        """Note that a boot could start from a template; return how often that was so before."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)  # memory of guests lies there
        met = self._count(key, "met")
        self._note(key, met=met + 1)
        return met

    def find(self, key: str) -> Path | None:
        """Return the directory of a template.

        :raise HostError: When it is damaged: it is removed.
        """
        path = self._store.find(key)
        if path is None:
            return None
        if self._count(key, "uses") >= MOST_USES:
            self.drop(key)
            return None
        wrong = next(self._damaged(path), None)
        if wrong is not None:
            self.drop(key)
            raise HostError(f"{path / wrong} is not what was saved there", hint="it is removed")
        return path

    def use(self, key: str) -> None:
        """Note that a boot starts from a template."""
        self._note(key, uses=self._count(key, "uses") + 1)

    def make(
        self,
        recipe: Recipe,
        build: Callable[[Path], Mapping[str, object]],
        waiting: Callable[[], None] = lambda: None,
    ) -> Path:
        """Return a template's directory, made unless somebody else has made it meanwhile.

        Parameters are those of :meth:`hibtest.store.Store.make`.

        :raise HostError: When it cannot be written.
        """
        self._store.sweep()
        path = self._store.make(recipe, build, waiting)
        self._note(recipe.key, uses=0)
        self._bound(recipe.key)
        return path

    def drop(self, key: str) -> None:
        """Remove a template."""
        self._store.remove(key)
        self._note(key, uses=0)

    def kept(self) -> tuple[Kept, ...]:
        """Return the templates that are there, the one that was used last first.

        :raise HostError: When they cannot be read.
        """
        found = (self._kept(path) for path in self._store.artifacts())
        there = (one for one in found if one is not None)
        return tuple(sorted(there, key=lambda one: one.used, reverse=True))

    def clear(self) -> int:
        """Remove all templates, and what is known of them; return the bytes freed."""
        found = self.kept()
        for one in found:
            self._store.remove(one.key)
        self._store.sweep()
        self._store.forget(())
        return sum(one.bytes for one in found)

    def _kept(self, path: Path) -> Kept | None:
        key = path.name
        try:
            taken = sum(one.stat().st_blocks * 512 for one in path.rglob("*"))
            used = self._store.named_at(key) or path.stat().st_mtime
        except FileNotFoundError:  # another process has just removed it
            return None
        facts = read_json(path / MANIFEST)
        if not facts:
            return None
        return Kept(key=key, uses=self._count(key, "uses"), bytes=taken, used=used, facts=facts)

    def _bound(self, newest: str) -> None:
        """Remove what was not used for longest, while all take too much room."""
        left = MOST_BYTES
        for one in self.kept():
            left -= one.bytes
            if left < 0 and one.key != newest:
                self._store.remove(one.key)
        self._store.forget((one.key for one in self.kept()), _MOST_NOTES)

    def _damaged(self, path: Path) -> Iterator[str]:
        files = read_json(path / MANIFEST).get("files")
        for name, built in files.items() if isinstance(files, dict) else ():
            if not (path / name).is_file() or self.sums.of(path / name) != built.get("sha256"):
                yield name
        if not isinstance(files, dict):
            yield MANIFEST

    def _count(self, key: str, what: str) -> int:
        value = (self._store.read_name(key) or {}).get(what, 0)
        return value if isinstance(value, int) else 0

    def _note(self, key: str, **counts: int) -> None:
        self._store.write_name(key, {**(self._store.read_name(key) or {}), **counts})
