"""Read the pixels of image files, whole or in regions."""
