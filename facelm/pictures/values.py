"""Values that others wrote, in files or on a command line: JSON that is read safely, and rules that it must keep to."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from facelm.pictures.files import spell

_LARGEST = 2**63  # of a whole number
_SHOWN = 60  # letters of a wrong value


def parse_json(text: str, constants: bool = False) -> Any:
    """What a JSON text says: finite numbers only, each name once, nested no deeper than Python can follow.

    Args:
        text: The text.
        constants: Also take NaN and Infinity, which Python writes.

    Raises:
        ValueError: It is something else.
    """
    try:
        return json.loads(
            text,
            parse_constant=float if constants else _refuse,
            parse_int=_whole,
            parse_float=_finite,
            object_pairs_hook=_named_once,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _whole(digits: str) -> int:
    if len(digits) > len(str(_LARGEST)) + 1 or abs(int(digits)) > _LARGEST:
        raise ValueError(f"a whole number is too large: {_short(digits)}")
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise ValueError(f"a number is too large: {_short(digits)}")
    return value


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name is there twice")
    return values


@dataclass(frozen=True)
class Rule:
    """What a value must be.

    Attributes:
        wanted: For a person: "a number above 0".
        holds: Whether a value is so.
    """

    wanted: str
    holds: Callable[[Any], bool]


def whole(least: int, most: int, step: int = 1) -> Rule:
    """Whole numbers from one to another."""
    kind = "a whole number" if step == 1 else f"a multiple of {step}"
    return Rule(
        f"{kind} from {least:,} to {most:,}",
        lambda value: type(value) is int and least <= value <= most and value % step == 0,
    )


def number(least: float, most: float) -> Rule:
    """Numbers from one to another."""
    return Rule(
        f"a number from {least:g} to {most:g}", lambda value: type(value) in (int, float) and least <= value <= most
    )


def text(pattern: str = r"(?s).*", wanted: str = "a text") -> Rule:
    """Texts of a pattern."""
    return Rule(wanted, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def choice(*values: object) -> Rule:
    """One of some values, of their types."""
    return Rule(f"one of {', '.join(map(str, values))}", lambda value: any(_same(value, each) for each in values))


def either(first: Rule, second: Rule) -> Rule:
    """What keeps to one of two rules."""
    return Rule(f"{first.wanted}, or {second.wanted}", lambda value: first.holds(value) or second.holds(value))


def several(rule: Rule, least: int = 0, most: int = 1 << 20) -> Rule:
    """A tuple of at least and at most so many values, which all keep to a rule."""
    return Rule(
        f"a list, {least} to {most:,} times {rule.wanted}",
        lambda value: isinstance(value, tuple) and least <= len(value) <= most and all(map(rule.holds, value)),
    )


def named(rule: Rule) -> Rule:
    """Values by name that all keep to a rule."""
    return Rule(
        f"names, and for each {rule.wanted}",
        lambda value: isinstance(value, Mapping) and all(map(rule.holds, value.values())),
    )


def check(values: Mapping[str, Any], rules: Mapping[str, Rule], title: str = "{}") -> None:
    """Make sure that values keep to their rules.

    Args:
        values: By name.
        rules: By the names that there may be.
        title: What a person knows a name by, as ``--{}``.

    Raises:
        ValueError: A name is unknown, or a value is not as it should be; the message is one line.
    """
    for name, value in values.items():
        if name not in rules:
            raise ValueError(f"unknown: {_short(name)}")
        if not rules[name].holds(value):
            raise ValueError(f"{title.format(name)} {_short(value)}: wanted is {rules[name].wanted}")


def as_tuples(values: object) -> dict[str, Any]:
    """What a JSON object says, its lists as tuples.

    Raises:
        ValueError: It is no object.
    """
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other


def _short(value: object) -> str:
    try:
        told = spell(str(value))
    except (ValueError, RecursionError):  # a whole number of too many digits to be written; nested too deep
        told = f"a {type(value).__name__}"
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}..."
