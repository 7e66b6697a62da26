"""What a network is made of and what it costs."""

from canon.explain.table import Description, Row, describe

__all__ = ["Description", "Row", "describe"]
