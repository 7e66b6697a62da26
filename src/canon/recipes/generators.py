"""The recipe of generators."""

from dataclasses import replace

from canon.recipes import auto_encoders
from canon.training.schedules import Cosine

MODERN = replace(
    auto_encoders.MODERN, source="docs/generation.md", lr=1e-3, batch=64, epochs=60,
    schedule=Cosine(warmup=1),
)  # fmt: skip
