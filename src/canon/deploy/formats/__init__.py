"""The formats of exported files: how each is written and opened."""
