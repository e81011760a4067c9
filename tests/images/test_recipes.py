"""Templates and recipes: everything is filled in, and whatever changes gives a new key."""

import shutil
import subprocess
from pathlib import Path

import jinja2
import pytest

from hibtest import zipapp
from hibtest.images import recipes
from hibtest.images.kernels import KERNELS, kernel
from hibtest.images.userspaces import BUSYBOX

TEMPLATES = sorted(path.name for path in recipes.TEMPLATES.glob("*.j2"))
SCRIPTS = [name for name in TEMPLATES if name.endswith(".sh.j2")]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    recipes.template_hash.cache_clear()


def test_every_template_has_its_place() -> None:
    assert sorted({*BUSYBOX.files, recipes.EARLY_INIT}) == TEMPLATES


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_are_filled_in(name: str) -> None:
    text = recipes.render(name)
    assert text.endswith("\n")
    assert "{{" not in text


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_shell(name: str) -> None:
    done = subprocess.run(["sh", "-n"], input=recipes.render(name), text=True, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_call_no_applet_that_is_not_there(name: str) -> None:
    # busybox has them all, but our PATH only these
    applets = recipes.EARLY_APPLETS if name == recipes.EARLY_INIT else BUSYBOX.applets
    known = {"cat", "findfs", "ip", "ln", "mkdir", "mount", "poweroff", "readlink", "sleep"}
    known |= {"stty", "swapoff", "swapon", "switch_root", "sync"}
    commands = recipes.render(name).replace("$(", "\n").replace("||", "\n").replace("&&", "\n")
    used = {line.split()[0] for line in commands.splitlines() if line.split()} & known
    assert used <= set(applets)


def test_a_value_that_is_missing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.j2").write_text("{{ hostnam }}")
    monkeypatch.setattr(recipes, "TEMPLATES", tmp_path)
    with pytest.raises(jinja2.UndefinedError, match="hostnam"):
        recipes.render("x.j2")


def test_a_changed_template_changes_what_is_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = recipes.root("debian-1"), recipes.early("debian-1"), recipes.toolbox("debian-1")
    shutil.copytree(recipes.TEMPLATES, tmp_path / "templates")
    with (tmp_path / "templates/boot.sh.j2").open("a") as file:
        file.write("# more\n")
    monkeypatch.setattr(recipes, "TEMPLATES", tmp_path / "templates")
    recipes.template_hash.cache_clear()
    after = recipes.root("debian-1"), recipes.early("debian-1"), recipes.toolbox("debian-1")
    same = [a.key == b.key for a, b in zip(before, after, strict=True)]
    assert same == [False, True, True]


@pytest.mark.parametrize(("room", "same"), [("agent", False), ("linux", False), ("probe", True)])
def test_a_change_of_what_the_agent_is_made_of_is_another_toolbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: str, same: bool
) -> None:
    before = recipes.toolbox("debian-1")
    for name in ("agent", "linux", "probe"):
        shutil.copytree(zipapp._HERE / name, tmp_path / name)
    with (tmp_path / room / "__init__.py").open("a") as file:
        file.write("# more\n")
    monkeypatch.setattr(zipapp, "_HERE", tmp_path)
    assert (recipes.toolbox("debian-1").key == before.key) == same


def test_another_state_of_the_archive_is_another_tree() -> None:
    assert recipes.debian("monday").key != recipes.debian("tuesday").key


def test_each_kernel_has_its_own_recipe() -> None:
    keys = {recipes.kernel(source, {"linux": "1"}).key for source in KERNELS}
    assert len(keys) == len(KERNELS)


def test_a_newer_version_is_another_kernel() -> None:
    source = kernel("trixie")
    assert recipes.kernel(source, {"a": "1"}).key != recipes.kernel(source, {"a": "2"}).key
