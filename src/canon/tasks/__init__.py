"""What a batch means: the loss it is trained by and what is measured of it."""

from canon.tasks.classify import Classify
from canon.tasks.metrics import Scores, wilson

__all__ = ["Classify", "Scores", "wilson"]
