"""What packs of images and packs of masks share."""

from canon.types import RawImages


def every_nth(images: RawImages, most: int = 2**25) -> RawImages:
    """All images, or evenly spaced ones that hold at most so many numbers, and one at least."""
    wanted = max(1, most // images[0].numel())
    return images[:: -(-len(images) // wanted)]
