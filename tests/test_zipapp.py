"""The two programs for guests: each is whole, with the standard library alone."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hibtest import zipapp

ROOMS = Path(zipapp.__file__).parent


def modules(program: bytes) -> list[str]:
    files = zipfile.ZipFile(io.BytesIO(program)).namelist()
    names = [file.removesuffix(".py").replace("/", ".") for file in files if file != "__main__.py"]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("make", [zipapp.agent, zipapp.probe])
def test_each_module_of_a_program_finds_all_that_it_imports(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    file = tmp_path / "program.pyz"
    file.write_bytes(make())
    names = modules(make())
    code = (
        f"import sys, importlib; sys.path.insert(0, {os.fspath(file)!r})\n"
        f"for name in {names!r}: importlib.import_module(name)"
    )
    words = [sys.executable, "-ISB", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("make", [zipapp.agent, zipapp.probe])
def test_both_have_all_that_they_know_of_the_kernel(make: Callable[[], bytes]) -> None:
    facts = {f"hibtest.linux.{path.stem}" for path in (ROOMS / "linux").glob("[a-z]*.py")}
    assert facts <= set(modules(make()))


def test_neither_has_the_others_modules() -> None:
    assert not [name for name in modules(zipapp.agent()) if name.startswith("hibtest.probe")]
    assert not [name for name in modules(zipapp.probe()) if name.startswith("hibtest.agent")]
