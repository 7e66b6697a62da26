"""Running trained networks on images of any size."""
