"""What a scenario's guest is stored on: each member of it in one module, folded into one value.

:mod:`part` says what a member brings along; :mod:`swaps`, :mod:`roots` and :mod:`targets` have the
members; :mod:`fold` puts those of a scenario together, and everybody else reads the result.
"""

from hibtest.cycle.storage.fold import NOT_TOLD, Storage, modules_of, storage_of
from hibtest.cycle.storage.part import Stored

__all__ = ["NOT_TOLD", "Storage", "Stored", "modules_of", "storage_of"]
