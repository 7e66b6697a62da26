"""The ground truth of samples."""
