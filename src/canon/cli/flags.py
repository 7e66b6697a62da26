"""Flags that several commands share: how their help names the value and the default."""

from typing import Annotated, Any, Literal

import tyro

Switch = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
SplitName = Annotated[
    Literal["train", "val", "test"] | None,
    tyro.conf.arg(
        metavar="{train,val,test}", help_behavior_hint="(default: test, else val, else train)"
    ),
]


def flag(metavar: str, default: str = "") -> Any:
    """An option whose value is called `metavar`, and whose default the help describes."""
    return tyro.conf.arg(
        metavar=metavar, help_behavior_hint=f"(default: {default})" if default else ""
    )


def several(metavar: str) -> Any:
    """Required values, as many as are given; tyro would describe their default as empty."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="(required)")
