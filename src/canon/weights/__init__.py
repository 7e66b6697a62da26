"""Weights from elsewhere: records of published ones, safe reading, and key rules as data."""

from canon.weights.fit import Loaded, create, load, put
from canon.weights.read import Checkpoint, read
from canon.weights.records import RECORDS, Record, record

__all__ = ["RECORDS", "Checkpoint", "Loaded", "Record", "create", "load", "put", "read", "record"]
