"""Reading, checking, packing and augmenting images; knows no model."""

from canon.data.checks.report import DataReport, check_data
from canon.data.dataset import Dataset, Split
from canon.data.packs.images import ImagePack
from canon.data.preprocessing import Preprocessing
from canon.data.sources.builtin import BUILT_IN
from canon.data.sources.open import open_data

__all__ = [
    "BUILT_IN",
    "DataReport",
    "Dataset",
    "ImagePack",
    "Preprocessing",
    "Split",
    "check_data",
    "open_data",
]
