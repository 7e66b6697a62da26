"""A local web page: networks to change, images to explain, networks to compare."""
