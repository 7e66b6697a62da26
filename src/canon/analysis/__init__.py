"""What a network costs and what it sees."""

from canon.analysis.compare import NetworkSummary, summarize
from canon.analysis.description import Description, LayerRow
from canon.analysis.intervals import FieldIntervals, ReceptiveField
from canon.analysis.layer_table import describe
from canon.analysis.what_if import WhatIf, what_if

__all__ = [
    "Description",
    "FieldIntervals",
    "LayerRow",
    "NetworkSummary",
    "ReceptiveField",
    "WhatIf",
    "describe",
    "summarize",
    "what_if",
]
