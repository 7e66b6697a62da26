"""Whole jobs as functions, one file per command."""
