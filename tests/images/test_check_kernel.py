"""What a kernel lacks, as a report and on the command line."""

import gzip
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hibtest.cli.check_kernel import check_kernel
from hibtest.errors import SpecError
from hibtest.images import kconfig
from hibtest.images.check_kernel import FRAGMENT, check
from hibtest.images.kconfig import KernelConfig
from hibtest.images.source import Source
from hibtest.spec.lacking import Missing
from hibtest.spec.needs import NEEDS, Need, lack
from tests.images.bzimages import make_bzimage

COMPLETE = {option: "y" for need in NEEDS for option in need.options}
DISKS = Need(options=("VIRTIO_BLK",), why="disks", modules=("virtio_blk",))
GIVEN = frozenset({"virtio_blk"})


def text_of(options: dict[str, str]) -> str:
    return "".join(f"CONFIG_{name}={value}\n" for name, value in options.items())


def write(tmp_path: Path, options: dict[str, str]) -> Path:
    packed = b"IKCFG_ST" + gzip.compress(text_of(options).encode()) + b"IKCFG_ED"
    path = tmp_path / "bzImage"
    path.write_bytes(make_bzimage(gzip.compress(packed)))
    return path


def modules_of(tmp_path: Path, *names: str, release: str = "6.12.0-test") -> Path:
    tree = tmp_path / "tree"
    (tree / "lib/modules" / release).mkdir(parents=True)
    for name in ("modules.order", *names):
        (tree / "lib/modules" / release / name).touch()
    return tree


def config(**options: str) -> KernelConfig:
    return KernelConfig(source="test", options=options)


def run(*words: object) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(check_kernel)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_our_own_configuration_lacks_nothing() -> None:
    ours = kconfig.read(FRAGMENT)
    lacking = [one.option for need in NEEDS if (one := lack(need, ours.value))]
    assert lacking == ["CONFIG_DEBUG_INFO_BTF"]  # needs pahole where the kernel is built


def test_a_complete_kernel(tmp_path: Path) -> None:
    report = check(Source(bzimage=write(tmp_path, COMPLETE)))
    assert report.missing == ()
    assert report.bootable
    assert report.release == "6.12.0-test"
    assert report.config_source == "in the kernel"


def test_an_option_that_is_off() -> None:
    assert lack(DISKS, config(VIRTIO_NET="y").value, GIVEN) == Missing(
        option="CONFIG_VIRTIO_BLK", wanted="y or m", found="n", why="disks", always=True
    )


def test_a_module_is_enough_only_with_modules() -> None:
    as_module = config(VIRTIO_BLK="m").value
    assert lack(DISKS, as_module, GIVEN) is None
    missing = lack(DISKS, as_module)
    assert missing is not None
    assert (missing.wanted, missing.found, missing.state) == ("y", "m", "a module")


def test_a_module_that_is_not_among_those_given_is_lacking() -> None:
    missing = lack(DISKS, config(VIRTIO_BLK="m").value, frozenset({"virtio_net"}))
    assert missing is not None
    assert missing.words == ("CONFIG_VIRTIO_BLK is a module that is not among those given (disks)")


def test_one_of_several_is_enough() -> None:
    need = Need(options=("CRYPTO_LZO", "CRYPTO_LZ4"), why="compression")
    assert lack(need, config(CRYPTO_LZ4="y").value) is None
    missing = lack(need, config().value)
    assert missing is not None
    assert missing.option == "CONFIG_CRYPTO_LZO or CONFIG_CRYPTO_LZ4"


def test_module_support_is_needed_only_with_modules(tmp_path: Path) -> None:
    path = write(tmp_path, {**COMPLETE, "MODULES": "n"})
    assert check(Source(bzimage=path)).missing == ()
    report = check(Source(bzimage=path, modules=modules_of(tmp_path)))
    assert [m.option for m in report.missing] == ["CONFIG_MODULES"]


def test_what_an_old_kernel_does_not_need_is_not_lacking(tmp_path: Path) -> None:
    """Up to v6.8 the compressor of images is none of the crypto API's."""
    other = tmp_path / "my.config"
    other.write_text(text_of({**COMPLETE, "CRYPTO_LZO": "n", "CRYPTO_LZ4": "n"}))
    path, lacking = tmp_path / "bzImage", {}
    for release in ("6.8.0-test", "6.9.0-test"):
        path.write_bytes(make_bzimage(version=f"{release} (me) #1"))
        missing = check(Source(bzimage=path), other).missing
        lacking[release] = [one.option for one in missing]
    either = "CONFIG_CRYPTO_LZO or CONFIG_CRYPTO_LZ4"
    assert lacking == {
        "6.8.0-test": [],
        "6.9.0-test": [either, "CONFIG_CRYPTO_LZO", "CONFIG_CRYPTO_LZ4"],
    }


def test_the_command_when_nothing_is_lacking(tmp_path: Path) -> None:
    status, output = run(write(tmp_path, COMPLETE))
    assert status == 0
    assert output == "6.12.0-test (configuration: in the kernel): nothing is lacking\n"


def test_the_command_when_no_guest_would_boot(tmp_path: Path) -> None:
    status, output = run(write(tmp_path, {**COMPLETE, "VIRTIO_BLK": "m", "ZRAM": "n"}))
    assert status == 1
    assert output.splitlines()[:5] == [
        "6.12.0-test (configuration: in the kernel)",
        "No guest works without:",
        "  CONFIG_VIRTIO_BLK=y  is a module  the guest's disks",
        "Some scenarios do not work without:",
        "  CONFIG_ZRAM=y  is not set  zram beside the swap on disk",
    ]
    assert "--modules DIR" in output
    assert "hibtest kconfig" in output


def test_the_command_when_only_scenarios_would_miss_something(tmp_path: Path) -> None:
    status, output = run(write(tmp_path, {**COMPLETE, "ZRAM": "m"}))
    assert status == 0
    assert "CONFIG_ZRAM=y" in output


def test_the_command_with_modules_and_a_configuration(tmp_path: Path) -> None:
    path = write(tmp_path, {"NOTHING": "y"})
    other = tmp_path / "my.config"
    other.write_text(text_of({**COMPLETE, "VIRTIO_BLK": "m"}))
    given = modules_of(tmp_path, "virtio-blk.ko.xz")
    status, output = run(path, "--config", other, "--modules", given)
    assert (status, output) == (0, f"6.12.0-test (configuration: {other}): nothing is lacking\n")


def test_the_command_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(b"noise")
    with pytest.raises(SpecError, match="not an x86 kernel") as caught:
        run(noise)
    assert caught.value.status == 2
    with pytest.raises(SpecError, match="no such directory"):
        run(write(tmp_path, COMPLETE), "--modules", noise)
    others = modules_of(tmp_path, release="6.1.0-other")
    with pytest.raises(
        SpecError, match=r"modules of 6\.1\.0-other, but the kernel is 6\.12\.0-test"
    ):
        run(write(tmp_path, COMPLETE), "--modules", others)
