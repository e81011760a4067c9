"""An environment with hibtest from a wheel, as somebody has it who has no checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LIMIT = 300.0  # s
# What a build reads; not .venv, runs and the like, which may be large.
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "docs", "harness", "images", "scenarios")


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment; its programs find no checkout."""

    bin: Path

    def run(
        self, program: str, *words: str, cwd: Path, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs."""
        hidden = ("PYTHONPATH", "VIRTUAL_ENV")
        outside = {k: v for k, v in os.environ.items() if k not in hidden and "HIBTEST" not in k}
        outside["PATH"] = f"{self.bin}{os.pathsep}{outside['PATH']}"
        return subprocess.run(
            [self.bin / program, *words], cwd=cwd, capture_output=True, text=True, check=False,
            env=outside | env, timeout=_LIMIT,
        )  # fmt: skip


def install(directory: Path) -> Installed:
    """Build a wheel of this checkout and install it, with our dependencies, in an environment."""
    source, env = directory / "source", directory / "env"
    source.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in _SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy2(path, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    built = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory)]
    _check([*pip, *built, str(source)])
    _check([sys.executable, "-m", "venv", "--without-pip", str(env)])
    [wheel] = directory.glob("*.whl")
    _check([*pip, "--python", str(env / "bin/python"), "install", "--no-deps", str(wheel)])
    ours = sysconfig.get_path("purelib")
    theirs = Path(sysconfig.get_path("purelib", vars={"base": str(env)}))
    # packages alone: files *.pth, such as that of the checkout, are not read from there
    (theirs / "dependencies.pth").write_text(f"{ours}\n")
    return Installed(env / "bin")


def _check(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_LIMIT)
    assert done.returncode == 0, done.stderr
