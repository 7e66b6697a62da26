"""What each sample of a split is to be predicted as."""
