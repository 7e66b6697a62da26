"""Each image from its code: auto-encoders."""
