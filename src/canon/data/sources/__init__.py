"""Sources of datasets, one file per format."""
