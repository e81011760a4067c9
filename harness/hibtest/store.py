"""The cache: immutable artifacts by content hash, and names that point to them.

store/KIND-KEY/...       an artifact: files and manifest.json; complete, or not there
store/.new-KIND-KEY/     an artifact in the making, under the lock; left behind only by a
                         builder that was killed, and removed by the next build
store/.locks/KIND-KEY    flock of whoever makes it
names/NAME.json          what the name of something that is made by a recipe stands for
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hibtest.deadline import Deadline, poll
from hibtest.errors import HostError
from hibtest.linux import mounts

MANIFEST = "manifest.json"
_NEW = ".new-"
_LOCK_LIMIT = 3600.0  # seconds another build may take; the first build over a slow line


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an artifact is made from; two equal recipes make the same artifact.

    :ivar kind: Which sort of artifact.
    :ivar inputs: All that decides what comes out.
    """

    kind: str
    inputs: Mapping[str, object]

    @property
    def key(self) -> str:
        """Name of the artifact in the store: kind and 12 hex digits."""
        text = json.dumps(self.inputs, sort_keys=True, default=str)
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def cache_dir() -> Path:
    """Return the cache's directory, ``$XDG_CACHE_HOME/hibtest``."""
    from platformdirs import user_cache_path

    return user_cache_path("hibtest")


class Store:
    """Artifacts below a cache directory.

    :param root: The cache directory; made when the first artifact is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._store = root / "store"
        self._names = root / "names"

    def find(self, key: str) -> Path | None:
        """Return the directory of an artifact, ``None`` when it is not there.

        :raise HostError: When the cache cannot be read.
        """
        path = self._store / key
        with using(self.root):
            return path if (path / MANIFEST).is_file() else None

    def path(self, key: str) -> Path:
        """Return where an artifact lies.

        :raise HostError: When it is not there.
        """
        found = self.find(key)
        if found is None:
            raise HostError(f"{self._store / key} is gone", hint="hibtest images build")
        return found

    def artifacts(self) -> tuple[Path, ...]:
        """Return the directories of all artifacts.

        :raise HostError: When the cache cannot be read.
        """
        with using(self.root):
            return tuple(sorted(path.parent for path in self._store.glob(f"[!.]*/{MANIFEST}")))

    def make(
        self,
        recipe: Recipe,
        build: Callable[[Path], Mapping[str, object]],
        waiting: Callable[[], None] = lambda: None,
    ) -> Path:
        """Return the artifact of a recipe, built if it is not there.

        :param build: Fills the directory it is given; returns facts for the manifest.
        :param waiting: Called again and again while another process is building it; what it
            raises ends the waiting.
        :raise HostError: When the cache cannot be written or the disk is full.
        """
        if found := self.find(recipe.key):
            return found
        with using(self.root), self._locked(recipe.key, waiting):
            return self.find(recipe.key) or self._make(recipe, build)

    def take(self, key: str, fill: Callable[[Path], None]) -> Path:
        """Return an artifact that was made elsewhere, taken over if it is not there.

        :param fill: Puts its files into the directory it is given, its manifest too.
        :raise HostError: When its files are not what its manifest says, or as :meth:`make` does.
        """
        if found := self.find(key):
            return found
        with using(self.root), self._locked(key, lambda: None):
            return self.find(key) or self._settle(key, lambda new: _fill_and_check(new, fill))

    def read_name(self, name: str) -> dict[str, Any] | None:
        """Return what a name stands for, ``None`` when nothing was built for it.

        :raise HostError: When the cache cannot be read.
        """
        path = self._names / f"{name}.json"
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}", hint=_hint(self.root)) from error
        except ValueError as error:
            raise HostError(f"{path}: not JSON: {error}", hint="remove that file") from error
        return value if isinstance(value, dict) else None

    def write_name(self, name: str, value: Mapping[str, object]) -> None:
        """Let a name stand for something else, in one step."""
        with using(self.root):
            self._names.mkdir(parents=True, exist_ok=True)
            write_json(self._names / f"{name}.json", value)

    def named_at(self, name: str) -> float | None:
        """Return when a name was last written: seconds since 1970."""
        path = self._names / f"{name}.json"
        with using(self.root):
            return path.stat().st_mtime if path.exists() else None

    def forget(self, but: Iterable[str], most: int = 0) -> None:
        """Remove names, the one first that was not written for longest.

        :param but: Names that stay.
        :param most: How many others stay.
        """
        stay = {f"{name}.json" for name in but}
        with using(self.root):
            others = [path for path in self._names.glob("*.json") if path.name not in stay]
            for path in sorted(others, key=lambda one: one.stat().st_mtime)[: -most or None]:
                path.unlink(missing_ok=True)

    def remove(self, key: str) -> None:
        """Remove an artifact, unless it is being made again at this moment."""
        with using(self.root), self._lock(key) as lock:
            if _try_lock(lock) and self.find(key):
                old = self._store / f"{_NEW}{key}"
                (self._store / key).rename(old)
                remove_tree(old)

    def sweep(self) -> None:
        """Remove what builders that were killed left behind."""
        with using(self.root):
            for stale in self._store.glob(f"{_NEW}*"):
                lock = self._lock(stale.name.removeprefix(_NEW))
                with lock:
                    if _try_lock(lock):
                        remove_tree(stale)

    @contextmanager
    def scratch(self, what: str) -> Iterator[Path]:
        """Open a directory that is removed in the end, by the next build at the latest."""
        key = f"{what}-{os.getpid()}"
        with using(self.root), self._locked(key, lambda: None):
            directory = self._store / f"{_NEW}{key}"
            directory.mkdir()
            try:
                yield directory
            finally:
                remove_tree(directory)
                (self._store / ".locks" / key).unlink()

    def _make(self, recipe: Recipe, build: Callable[[Path], Mapping[str, object]]) -> Path:
        def fill(new: Path) -> None:
            facts = build(new)
            manifest = {"kind": recipe.kind, "recipe": dict(recipe.inputs), **facts}
            write_json(new / MANIFEST, {**manifest, "files": _sums(new)})

        return self._settle(recipe.key, fill)

    def _settle(self, key: str, fill: Callable[[Path], None]) -> Path:
        new = self._store / f"{_NEW}{key}"
        if new.exists():
            remove_tree(new)
        new.mkdir(mode=0o700)
        try:
            fill(new)
            _write_protect(new)
            return new.rename(self._store / key)
        except BaseException:
            remove_tree(new)
            raise

    def _lock(self, key: str) -> IO[bytes]:
        locks = self._store / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        return (locks / key).open("ab")

    @contextmanager
    def _locked(self, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        with self._lock(key) as lock:
            deadline = Deadline.after(_LOCK_LIMIT, f"the end of another build of {key}")

            def locked() -> bool | None:
                if _try_lock(lock):
                    return True
                waiting()
                return None

            poll(locked, deadline, every=0.2)
            yield


@contextmanager
def using(root: Path) -> Iterator[None]:
    """Turn trouble with the cache's files into an error that says what to do.

    :raise HostError: When the cache cannot be read or written, or the disk is full.
    """
    try:
        yield
    except OSError as error:
        where = error.filename or root
        raise HostError(f"{where}: {error.strerror}", hint=_hint(root)) from error


def write_json(path: Path, value: object) -> None:
    """Write a JSON file so that it is there whole or not at all."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(value, indent=1, default=str) + "\n")
    new.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds; an empty mapping when that is nothing of the kind."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def remove_tree(path: Path) -> None:
    """Remove a directory and what is in it, also directories that deny us writing.

    :raise HostError: When something is mounted in it: that is not ours to remove.
    """
    listed = mounts.parse(Path("/proc/self/mountinfo").read_bytes())
    points = [one.point for one in listed if Path(one.point).is_relative_to(path.resolve())]
    if points:
        raise HostError(f"{points[-1]} is mounted", hint=f"umount {points[-1]}")
    for directory, _, _ in os.walk(path):
        if not os.access(directory, os.W_OK | os.X_OK):
            Path(directory).chmod(0o700)
    shutil.rmtree(path)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums(directory: Path) -> dict[str, dict[str, object]]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {
        str(path.relative_to(directory)): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in files
    }


def _fill_and_check(new: Path, fill: Callable[[Path], None]) -> None:
    fill(new)
    expected, found = read_json(new / MANIFEST).get("files"), _sums(new)
    found.pop(MANIFEST, None)
    if found != expected:
        key = new.name.removeprefix(_NEW)
        raise HostError(f"{key} is not what its manifest says", hint="hibtest images verify")


def _write_protect(directory: Path) -> None:
    # guests write to overlays; whatever would write to a disk itself is a mistake; private keys
    # lie in the root disk and beside it
    directory.chmod(0o700)
    for path in directory.rglob("*"):
        if path.is_file():
            path.chmod(0o400)


def _try_lock(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _hint(root: Path) -> str:
    return f"see to {root}, or name another directory in $XDG_CACHE_HOME"
