"""One label a pixel."""
