"""A picture from its attributes."""
