"""What kernels would say, against what they said to damaged images under QEMU."""

import pytest

from hibtest import story
from hibtest.story.foretold import Facts, replies

RECOVER = "PM: hibernation: Failed to load image, recovering."


def said(facts: Facts) -> dict[str, tuple[str, int | None, tuple[str, ...]]]:
    """Return result, errno and messages by kernel."""
    return {
        kernel: (reply.result, reply.errno, reply.messages)
        for reply in replies(facts)
        for kernel in reply.kernels
    }


def test_sound_image() -> None:
    found = said(Facts(armed=True, codec="lzo", crc_right=True))
    assert found == dict.fromkeys(("6.1", "6.12", "7.3"), ("resumes", None, ()))


def test_conditions() -> None:
    [reply] = replies(Facts(armed=True, codec="lzo", hw_sig=0x12))
    memory = "the same memory map and as much memory"
    assert reply.note == f"if the machine has FACS signature 0x00000012 and {memory}"
    [reply] = replies(Facts(armed=True, codec="lzo", e820_matches=True))
    assert reply.note == "if the machine has as much memory"


ARCH = "PM: hibernation: Image mismatch: architecture specific data"


@pytest.mark.parametrize(
    ("facts", "errno", "message"),
    [
        (Facts(armed=False, codec="lzo"), -22, "PM: Image not found (code -22)"),
        (Facts(armed=True, codec="lzo", damaged="image"), -22, RECOVER),
        (Facts(armed=True, codec="lzo", damaged="magic"), -1, ARCH),
        (Facts(armed=True, codec="none", e820_matches=False), -1, ARCH),
        (Facts(armed=True, codec="lzo", crc_right=False), -61, "PM: Invalid image CRC32!"),
        (Facts(armed=True, codec="none", damaged="swap map"), -14, RECOVER),
        (Facts(armed=True, codec="lzo", damaged="swap map"), -1, RECOVER),
    ],
)
def test_all_kernels_alike(facts: Facts, errno: int, message: str) -> None:
    [reply] = replies(facts)
    assert reply.kernels == ("6.1", "6.12", "7.3")
    assert (reply.result, reply.errno) == ("refuses", errno)
    assert message in reply.messages


def test_unread_parts_do_not_stop_a_resume() -> None:
    [reply] = replies(Facts(armed=True, codec="lzo", damaged="swap map end", crc_right=None))
    assert reply.result == "resumes"


def test_zero_flags_are_unknown_to_6_1() -> None:
    found = said(Facts(armed=True, codec="lzo", zero_flags=True, crc_right=True))
    failed = (RECOVER, "PM: hibernation: resume failed (-14)")
    assert found["6.1"] == ("refuses", -14, failed)
    assert found["6.12"] == found["7.3"] == ("resumes", None, ())


def test_lz4_is_unknown_to_6_1() -> None:
    found = said(Facts(armed=True, codec="lz4", crc_right=True))
    assert found["6.1"][0] == "refuses"
    assert found["6.1"][2][0] == "PM: LZO decompression failed"
    assert found["6.12"][0] == "resumes"


@pytest.mark.parametrize(
    ("damaged", "old", "new", "errno"),
    [
        ("cmp_len", "PM: Invalid LZO compressed length", "PM: Invalid lzo compressed length", -1),
        ("lzo data", "PM: LZO decompression failed", "PM: lzo decompression failed", -22),
        (
            "unit size",
            "PM: Invalid LZO uncompressed length",
            "PM: Invalid lzo uncompressed length",
            -1,
        ),
    ],
)
def test_codecs_are_named_since_6_12(damaged: str, old: str, new: str, errno: int) -> None:
    found = said(Facts(armed=True, codec="lzo", damaged=damaged))
    assert found["6.1"][2][0] == old
    assert found["6.12"] == found["7.3"]
    assert found["6.12"][1:] == (errno, (new, RECOVER, f"PM: hibernation: resume failed ({errno})"))


def test_missing_pages_are_told_since_6_12() -> None:
    found = said(Facts(armed=True, codec="lzo", damaged="pfn 3"))
    assert [found[kernel][1] for kernel in ("6.1", "6.12", "7.3")] == [-14] * 3
    assert found["6.1"][2][0] == RECOVER
    assert "Memory map mismatch" in found["6.12"][2][0]


@pytest.mark.parametrize("field", ["size", "pages", "image_pages"])
def test_what_is_not_known_is_not_claimed(field: str) -> None:
    [reply] = replies(Facts(armed=True, codec="lzo", damaged=field))
    assert reply.result == "not known"


@pytest.mark.parametrize(
    "facts",
    [
        Facts(armed=True, codec="lzo", damaged="magic"),
        Facts(armed=True, codec="lzo", damaged="cmp_len"),
        Facts(armed=True, codec="lz4", damaged="lz4 data"),
        Facts(armed=True, codec="none", damaged="pfn 17"),
        Facts(armed=True, codec="lzo", crc_right=False),
        Facts(armed=True, codec="lzo", e820_matches=False),
    ],
    ids=lambda facts: facts.damaged or "another machine or checksum",
)
def test_what_is_foretold_is_a_refusal_to_whoever_reads_it(facts: Facts) -> None:
    for reply in replies(facts):
        [cause] = story.read(reply.messages).causes
        assert cause.name == "image-refused"
        assert set(cause.lines) <= set(reply.messages)
