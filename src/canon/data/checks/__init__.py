"""Looking at every file before training."""
