"""Where each page of RAM is."""

import numpy as np
from numpy.typing import NDArray

from hibtest.evidence import Ledger
from hibtest.image.ledger import account


def _pfns(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64)


def _account(
    data: tuple[int, ...] = (1, 2, 3), zero: tuple[int, ...] = (4,), free: tuple[int, ...] = (5, 6)
) -> Ledger:
    return account(
        ram=np.arange(10, dtype=np.int64),
        data=_pfns(*data),
        zero=_pfns(*zero),
        free=_pfns(*free),
        forbidden=_pfns(6, 7, 99),
        nosave=_pfns(0, 8, 9, 100),
    )


def test_every_page_is_in_one_place() -> None:
    assert _account() == Ledger(ram=10, data=3, zero=1, free=1, copies=1, nosave=4)


def test_a_page_that_is_nowhere_is_lost() -> None:
    ledger = _account(data=(1, 3))
    assert (ledger.lost, ledger.twice, ledger.first) == (1, 0, (2,))


def test_a_free_page_that_was_saved_is_there_twice() -> None:
    ledger = _account(data=(1, 2, 3, 5))
    assert (ledger.lost, ledger.twice, ledger.first) == (0, 1, (5,))


def test_a_page_saved_both_ways_is_there_twice() -> None:
    ledger = _account(zero=(3, 4))
    assert (ledger.twice, ledger.first) == (1, (3,))
