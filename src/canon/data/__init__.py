"""Reading, checking, packing and augmenting images; knows no model."""

from canon.data.check import Report, check
from canon.data.dataset import Dataset, Part
from canon.data.pack import Pack, Preprocessing
from canon.data.sources import BUILT_IN, open_data

__all__ = [
    "BUILT_IN",
    "Dataset",
    "Pack",
    "Part",
    "Preprocessing",
    "Report",
    "check",
    "open_data",
]
