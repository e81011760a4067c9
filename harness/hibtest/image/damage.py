"""An image that cannot be read as it should be."""

from hibtest.errors import ExitStatus, HibtestError


class Damaged(HibtestError):
    """An image that is cut, garbled or made up: nothing a kernel would have written.

    :param what: What was found, and the limit it breaks.
    :param field: What it was found in, such as ``swap map``, ``cmp_len``, ``pfn 17``.
    :param block: Where: 4096-byte block of the swap device or file, or page of a raw stream.
    """

    status = ExitStatus.UNEXPECTED

    def __init__(self, what: str, *, field: str, block: int | None = None) -> None:
        where = "" if block is None else f"block {block}: "
        super().__init__(f"{where}{field}: {what}")
        self.what = what
        self.field = field
        self.block = block
