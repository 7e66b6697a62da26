"""What a network is made of, what it costs and what it sees."""

from canon.explain.compare import Compared, compared
from canon.explain.rows import Description, Row
from canon.explain.span import Field, Span
from canon.explain.table import describe
from canon.explain.whatif import WhatIf, what_if

__all__ = [
    "Compared",
    "Description",
    "Field",
    "Row",
    "Span",
    "WhatIf",
    "compared",
    "describe",
    "what_if",
]
