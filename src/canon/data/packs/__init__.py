"""Whole splits in memory or memory-mapped."""
