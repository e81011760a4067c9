"""The package's own functions, and ``hibtest images``, on an empty and on a made-up cache."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hibtest import images
from hibtest.cli.images import app, progress
from hibtest.errors import HostError, SpecError
from hibtest.images import names, recipes
from hibtest.images.kernels import kernel
from hibtest.images.progress import State, Step
from hibtest.store import Store, cache_dir

RELEASE = "6.12.0-test"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def built() -> Store:
    """A cache that holds all parts of the kernel ``trixie``, each with little in it."""

    def holding(*files: str) -> "Filler":
        return Filler(files)

    store = Store(cache_dir())
    tree = store.make(recipes.debian("today"), holding("debian.tar")).name
    names.use_debian(store, tree)
    source = kernel("trixie")
    key = store.make(recipes.kernel(source, {}), holding("vmlinuz", "modules.squashfs")).name
    names.use_kernel(store, source, key)
    store.make(recipes.early(tree), holding("early.cpio"))
    store.make(recipes.root(tree), holding("root.ext4", f"{names.HOST_KEY}.pub"))
    store.make(recipes.toolbox(tree), holding("toolbox.squashfs"))
    store.make(recipes.guest(key, tree), holding("initrd"))
    return store


class Filler:
    def __init__(self, files: tuple[str, ...]) -> None:
        self._files = files

    def __call__(self, directory: Path) -> Mapping[str, object]:
        for name in self._files:
            (directory / name).write_text("ssh-ed25519 AAAA comment\n")
        return {"release": RELEASE}


def test_what_is_not_built_says_how_to_build_it() -> None:
    with pytest.raises(HostError, match=r"trixie is not built \(hibtest images build trixie\)"):
        images.guest_files("trixie")


@pytest.mark.parametrize("call", [images.guest_files, lambda name: images.build([name])])
def test_an_unknown_kernel_names_those_there_are(call: Callable[[str], object]) -> None:
    with pytest.raises(SpecError, match=r"no guest kernel 'xp' \(one of: bookworm, trixie, back"):
        call("xp")


def test_guest_files_of_a_built_kernel(built: Store) -> None:
    files = images.guest_files("trixie")
    assert files.release == RELEASE
    assert files.host_key == "ssh-ed25519 AAAA"
    for path in (files.kernel, files.initrd, files.root, files.toolbox, files.manifest):
        assert path.is_relative_to(built.root)
        assert path.is_file()
    assert images.sha256(files) == images.sha256(images.installed()[0])


def test_the_kernel_of_an_earlier_run_is_that_one_whatever_its_name_stands_for(
    built: Store,
) -> None:
    then = images.guest_files("trixie")
    source = kernel("trixie")
    newer = built.make(recipes.kernel(source, {"linux-image": "2"}), Filler(("vmlinuz",))).name
    names.use_kernel(built, source, newer)
    tree = names.debian_key(built)
    assert tree is not None
    built.make(recipes.guest(newer, tree), Filler(("initrd",)))
    assert images.guest_files("trixie").kernel.parent.name == newer
    again = images.as_then(then)
    assert (again.kernel, again.kernel_name) == (then.kernel, "trixie")
    built.remove(then.kernel.parent.name)
    with pytest.raises(SpecError, match=f"trixie {RELEASE} .* is not in the cache"):
        images.as_then(then)


def test_another_version_that_shares_the_cache_takes_nothing_away(
    built: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    then, source = images.guest_files("trixie"), kernel("trixie")
    with monkeypatch.context() as other:
        base = {**recipes.kernel_base(source), "modules": ["of another version"]}
        other.setattr(recipes, "kernel_base", lambda _: base)
        assert names.kernel_key(built, source) is None
        newer = built.make(recipes.kernel(source, {"linux-image": "2"}), Filler(("vmlinuz",)))
        names.use_kernel(built, source, newer.name)
        assert names.kernel_key(built, source) == newer.name
    assert images.guest_files("trixie") == then


def test_files_elsewhere_are_not_ours(built: Store, tmp_path: Path) -> None:
    files = images.guest_files("trixie")
    assert images.are_ours(files)
    link = built.root / "link"
    link.symlink_to("/etc/hostname")
    for path in (Path("/etc/shadow"), built.root / ".." / ".." / "file", link):
        assert not images.are_ours(replace(files, toolbox=path))
    with pytest.raises(SpecError, match="is not in the cache"):
        images.as_then(replace(files, kernel=built.root / "store" / ".." / "vmlinuz"))


def test_a_build_names_what_was_asked_for(built: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    trixie = images.guest_files("trixie")
    others = (replace(trixie, kernel_name="bookworm"), trixie)
    monkeypatch.setattr(images, "installed", lambda: others)
    done = CliRunner().invoke(app, ["build", "trixie"])
    assert done.output.splitlines() == [f"trixie: Linux {RELEASE}"]


def test_a_second_build_builds_nothing(built: Store) -> None:
    steps: list[Step] = []
    images.build(["trixie"], steps.append)
    images.build([], steps.append)
    assert steps == []


@pytest.mark.parametrize("part", ["root", "toolbox", "guest", "kernel", "debian"])
def test_a_part_that_is_missing_is_noticed(built: Store, part: str) -> None:
    (artifact,) = (path for path in built.artifacts() if path.name.startswith(f"{part}-"))
    built.remove(artifact.name)
    assert images.installed() == ()


def test_importing_images_is_light() -> None:
    heavy = "{'jinja2', 'rich', 'tarfile', 'subprocess'}"
    script = f"import sys, hibtest.images; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_list_on_an_empty_cache() -> None:
    result = CliRunner().invoke(app, ["list"])
    assert result.exit_code == 0
    assert result.output.count("not built") == len(images.KERNELS)


def test_list_names_releases(built: Store) -> None:
    assert RELEASE in CliRunner().invoke(app, ["list"]).output


def test_verify_says_what_differs(built: Store) -> None:
    disk = images.guest_files("trixie").root
    disk.chmod(0o644)
    disk.write_text("ssh-ed25519 AAAB comment\n")
    result = CliRunner().invoke(app, ["verify"])
    assert f"{disk}: has changed" in result.output
    assert isinstance(result.exception, HostError)


def test_verify_is_content_with_what_was_built(built: Store) -> None:
    result = CliRunner().invoke(app, ["verify"])
    assert result.exit_code == 0
    assert "every file is what was built" in result.output


def test_progress_is_one_line_a_step_when_not_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress() as report:
        report(Step(what="root disk", state=State.STARTED))
        report(Step(what="toolbox", state=State.WAITING))
        report(Step(what="root disk", state=State.ENDED, seconds=4.25))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "building guest disks",
        "toolbox: waiting for another build of it",
        "root disk 4.2 s",
    ]
