"""Trained networks at work: predictors, tiles, and outputs written row by row."""
