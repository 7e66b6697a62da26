"""The cost, size and receptive field of networks."""

from canon.analysis.compare import NetworkSummary, summarize
from canon.analysis.description import Description, LayerRow
from canon.analysis.intervals import FieldIntervals, ReceptiveField
from canon.analysis.layer_table import describe
from canon.analysis.what_if import (
    Bottleneck,
    Change,
    Groups,
    Separable,
    WhatIf,
    parse_change,
    what_if,
)

__all__ = [
    "Bottleneck",
    "Change",
    "Description",
    "FieldIntervals",
    "Groups",
    "LayerRow",
    "NetworkSummary",
    "ReceptiveField",
    "Separable",
    "WhatIf",
    "describe",
    "parse_change",
    "summarize",
    "what_if",
]
