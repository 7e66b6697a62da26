"""Apply trained networks to large images: predictors, tiles, and outputs written row by row."""
