"""What had been seen of a boot before it ended badly: trouble of its kernel, memory at the jump."""

from collections.abc import Iterator

from hibtest.evidence import Boot


def preceded(boot: Boot) -> str:
    """Return it as the end of a sentence, empty when nothing had."""
    return "".join(f"; {text}" for text in _preceded(boot))


def _preceded(boot: Boot) -> Iterator[str]:
    splats = [mark for mark in boot.marks if mark.splat]
    if splats:
        more = f" (and {len(splats) - 1} more)" if len(splats) > 1 else ""
        yield f"before that the kernel had reported {splats[0].name}: {splats[0].line}{more}"
    if boot.restored is None or boot.restored.image is None:
        return
    view = boot.restored.image
    pages = view.pages + view.zeroes
    if view.differ:
        yield f"{view.differ} of {pages} pages were wrong at the jump into the restored kernel"
    else:
        yield f"memory was exact at the jump into the restored kernel ({pages} pages)"
