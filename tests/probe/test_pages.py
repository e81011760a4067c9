"""Pages whose content is known."""

import struct

import pytest

from hibtest.probe import pages


def whole(seed: int = 1, count: int = 2048) -> list[bytes]:
    """Return a region page by page."""
    data = pages.content(count, seed)
    return [data[at : at + pages.SIZE] for at in range(0, len(data), pages.SIZE)]


def test_pages_differ_from_each_other_but_for_those_that_are_to_be_equal() -> None:
    region = whole()
    kinds = range(16)
    assert len({region[16 * 7 + kind] for kind in kinds}) == 15
    assert region[16 * 7 + pages.EQUAL] == region[16 * 7 + pages.EQUAL + 1]


def test_some_pages_differ_in_their_last_byte_alone() -> None:
    one, other = whole()[pages.LAST : pages.LAST + 2]
    assert one[:-1] == other[:-1]
    assert one[-1] != other[-1]


def test_the_first_word_of_some_noise_is_zero() -> None:
    one, other = (whole(seed)[pages.FIRST] for seed in (1, 2))
    assert one[:8] == bytes(8)
    assert one[16:] == pages.NOISE[pages.FIRST * pages.SIZE :][16 : pages.SIZE]
    assert one != other


def words_in(page: bytes) -> list[tuple[int, int]]:
    """Return the words of a page that are not zero, and their values."""
    values = struct.unpack("<512Q", page)
    return [(at, value) for at, value in enumerate(values) if value]


def test_memory_has_a_page_for_each_word_that_is_the_only_one_of_a_bit() -> None:
    alone = [words[0] for page in whole() if len(words := words_in(page)) == 1]
    assert sorted(word for word, _ in alone) == list(range(512))
    assert {value.bit_count() for _, value in alone} == {1}
    assert {value.bit_length() for _, value in alone} == set(range(1, 65))
    assert (511, 1 << 63) in alone


@pytest.mark.parametrize("forgotten", [0, 1, 255, 510, 511])
def test_a_kernel_whose_test_for_zero_pages_forgets_a_word_is_found(forgotten: int) -> None:
    def restored(page: bytes) -> bytes:
        others = [word for word, _ in words_in(page) if word != forgotten]
        return page if others else bytes(pages.SIZE)

    region = whole()
    found = pages.differences(b"".join(map(restored, region)), pages.checksums(b"".join(region)))
    assert found["differing"] == 1
    number = found["named"][0][0]
    assert [word for word, _ in words_in(region[number])] == [forgotten]


def test_regions_have_each_their_own_words() -> None:
    seen = [word for seed in range(2, 7) for page in whole(seed, 256)
            for word, _ in words_in(page)[:1] if len(words_in(page)) == 1]  # fmt: skip
    assert len(seen) == len(set(seen)) == 5 * 64


def test_the_same_content_has_no_differences() -> None:
    data = pages.content(20, seed=1)
    found = pages.differences(data, pages.checksums(data))
    assert found["differing"] == 0
    assert found["named"] == []
    assert found["pages"] == 20


def test_a_changed_byte_names_its_page() -> None:
    data = bytearray(pages.content(20, seed=1))
    sums = pages.checksums(bytes(data))
    data[7 * pages.SIZE + 5] ^= 1
    found = pages.differences(bytes(data), sums)
    assert found["differing"] == 1
    assert found["named"][0][0] == 7


def test_lost_pages_are_differences() -> None:
    data = pages.content(20, seed=1)
    found = pages.differences(data[: 18 * pages.SIZE], pages.checksums(data))
    assert [number for number, _, _ in found["named"]] == [18, 19]


def test_a_region_of_another_seed_differs_everywhere_but_in_zero_pages() -> None:
    found = pages.differences(pages.content(16, 2), pages.checksums(pages.content(16, 1)))
    assert found["differing"] == 15


def test_a_region_is_the_same_piece_by_piece() -> None:
    pieces = [pages.content(7, 3, first) for first in range(0, 21, 7)]
    assert b"".join(pieces) == pages.content(21, 3)
