"""What tests ask of an image."""

from hibtest.image.reader import Image


def contents(image: Image) -> dict[int, bytes]:
    """Return all data pages by PFN."""
    return {
        int(pfn): data.tobytes()
        for chunk in image.chunks()
        for pfn, data in zip(chunk.pfns, chunk.data, strict=True)
    }
