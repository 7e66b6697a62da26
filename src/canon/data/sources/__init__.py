"""Where a dataset comes from, one form a file."""
