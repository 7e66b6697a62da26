"""Reading pixels of image files, whole or in regions."""
