"""One label per pixel."""
