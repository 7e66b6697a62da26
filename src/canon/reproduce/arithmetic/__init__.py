"""Sizes, parameters and multiplications that follow from a table or a formula."""
