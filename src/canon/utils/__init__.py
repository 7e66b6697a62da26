"""General utilities, independent of images and networks."""
