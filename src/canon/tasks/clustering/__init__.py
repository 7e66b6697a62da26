"""Groups of similar images, without labels."""
