"""The documents: links lead somewhere, commands are there, and what is generated is today's."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.main import get_command

import hibtest
import kernel_lines
from hibtest.bench.catalogue import scenarios
from hibtest.cli.main import app
from hibtest.images import mirror
from hibtest.images.apt import Apt
from hibtest.images.kernels import KERNELS
from hibtest.images.tools import Programs
from hibtest.settings import NAMES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("*.md"))]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```[^\n]*\n.*?^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"(?:^|[`;&|] *|- run: |script: |- )(?:\./|\S*/)?hibtest +([a-z][^`\n]*)", re.MULTILINE
)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub and the site make them from its headings."""
    text = BLOCK.sub("", page.read_text())
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(page.read_text()) if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_every_page_is_in_the_table_of_contents_and_on_the_site() -> None:
    listed = {link.partition("#")[0] for link in links(DOCS / "index.md")} | {"index.md"}
    names = {page.name for page in DOCS.glob("*.md")}
    assert listed == names
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert set(_leaves(site["nav"])) == names


def _leaves(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for one in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _leaves(one)


def commands(page: Path) -> list[list[str]]:
    """Return the commands of hibtest that a page shows."""
    found = []
    for line in COMMAND.findall(re.sub(r"\$\([^)]*\)", "X", page.read_text())):
        bare = re.split(r" {2,}#|\s[|&;>]|[|;>]", line)[0].rstrip("'\") ")
        try:
            found.append(shlex.split(bare))
        except ValueError:  # a quote that the table's cell has cut
            found.append(bare.split())
    return found


def known() -> dict[str, Any]:
    root: Any = get_command(app)
    found: dict[str, Any] = {}
    for name, one in root.commands.items():
        found[name] = one
        for inner, two in getattr(one, "commands", {}).items():
            found[f"{name} {inner}"] = two
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_are_there(page: Path) -> None:
    there = known()
    for words in commands(page):
        name = " ".join(words[:2]) if " ".join(words[:2]) in there else words[0]
        if name == "test":
            continue  # the launcher's
        assert name in there, f"{page.name}: hibtest {' '.join(words)}"
        spelled = {
            opt for one in there[name].params for opt in (*one.opts, *one.secondary_opts)
        } | {"--help"}
        options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
        for option in options:
            if not re.fullmatch(r"-v+", option):
                assert option in spelled, f"{page.name}: hibtest {' '.join(words)}: {option}"


@pytest.mark.parametrize("page", [*sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_a_page_calls_it_hibtest_wherever_it_is(page: Path) -> None:
    """README.md, which one reads in a checkout, says how that comes onto the PATH."""
    assert "./hibtest" not in page.read_text()
    assert "CHECKOUT:$PATH" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_pip_installs_is_a_wheel_that_there_is(page: Path) -> None:
    """Not a name of PyPI, where hibtest is not."""
    found = re.findall(r"pip install (\S*hibtest[^\s`]*)", page.read_text())
    assert set(found) <= {f"PATH/hibtest-{hibtest.__version__}-py3-none-any.whl"}


def test_the_pages_show_commands() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 60


def test_the_reference_is_todays() -> None:
    done = subprocess.run([sys.executable, DOCS / "tools" / "reference.py", "--check"], check=False)
    assert done.returncode == 0, "python docs/tools/reference.py >docs/evidence.md"


def test_every_setting_is_explained() -> None:
    text = (DOCS / "settings.md").read_text()
    assert [name for name in NAMES if f"| `{name}` |" not in text] == []


def test_every_invalid_cause_has_a_remedy() -> None:
    text = (DOCS / "verdicts.md").read_text()
    table = text[text.index("## Nothing can be said") : text.index("## Runs that do not count")]
    causes = [
        cause
        for line in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for cause in re.findall(r"`([\w-]+)`", line)
    ]
    remedies = (DOCS / "troubleshooting.md").read_text()
    assert len(causes) > 10
    assert [cause for cause in causes if f"`{cause}`" not in remedies] == []


def test_the_scenario_that_is_shown_can_be_run(tmp_path: Path) -> None:
    text = (DOCS / "scenario.md").read_text()
    [code] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "test_hibernation.py"
    file.write_text(code)
    assert [one.name for one in scenarios([file])] == ["one-cpu", "no-swap"]


TRIPLE = re.compile(r"\b\d{2,5}/\d{2,5}/\d{2,5}\b")


def test_lines_of_the_kernel_stand_in_one_table() -> None:
    found = {page.name: TRIPLE.findall(page.read_text()) for page in PAGES}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_the_table_has_every_fact() -> None:
    lines = kernel_lines.FILE.read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "`" in line]
    places = [f"`{fact.place}`, {fact.file}" for fact in kernel_lines.FACTS]
    assert [row[1] for row in rows] == places
    for fact, row in zip(kernel_lines.FACTS, rows, strict=True):
        assert all(cell.isdigit() or (fact.since and cell == "–") for cell in row[2:])


@pytest.mark.wide
def test_the_kernels_say_so(tmp_path: Path) -> None:
    """In the sources that Debian has now; where they are those of the table, line by line."""
    programs = Programs()
    apt = Apt(programs, tmp_path, mirror.find(programs), mirror.acquire_options(programs))
    apt.update(suite for source in KERNELS for suite in source.suites)
    [header] = [line for line in kernel_lines.FILE.read_text().splitlines() if "| what |" in line]
    for version in re.findall(r"\d[^ |]*", header):
        series = ".".join(version.split(".")[:2])
        newest, tree = _sources(apt, tmp_path / series, f"linux-source-{series}")
        today = kernel_lines.rows({newest: tree})
        if newest == version:
            kept = kernel_lines.FILE.read_text()
            column = header.split("|").index(f" {version} ")
            rows = [line.split("|") for line in kept.splitlines() if "`" in line]
            assert [row[column].strip() for row in rows] == [row[2] for row in today]


def _sources(apt: Apt, directory: Path, name: str) -> tuple[str, Path]:
    directory.mkdir()
    package = apt.newest_of(name)
    [deb] = apt.download([package], directory)
    files = sorted({fact.file for fact in kernel_lines.FACTS})
    packed = directory / "source.tar.xz"
    unpack = (
        f"dpkg-deb --fsys-tarfile {deb} | tar -xO --wildcards './usr/src/linux-source-*.tar.xz'"
    )
    with packed.open("wb") as file:
        subprocess.run(["sh", "-c", unpack], stdout=file, check=True)
    wanted = [f"*/{one}" for one in files]
    subprocess.run(
        ["tar", "-xf", packed, "-C", directory, "--strip-components=1", "--wildcards", *wanted],
        check=True,
    )
    return package.version, directory
