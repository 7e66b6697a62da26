"""What a batch means, from the loss to the report: one folder per task."""
