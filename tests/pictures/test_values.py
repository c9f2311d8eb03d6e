from __future__ import annotations

import pytest

from facelm.pictures import values

WRONG = {
    "no JSON": "{",
    "nested too deep": "[" * 100_000,
    "a constant": "[NaN]",
    "an infinite number": "[1e400]",
    "a whole number of 20 digits": "[99999999999999999999]",
    "a whole number of 5000 digits": f"[{'9' * 5000}]",
    "a name twice": '{"a": 1, "a": 2}',
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_json_of_finite_numbers_is_a_value_error(kind: str) -> None:
    with pytest.raises(ValueError) as caught:
        values.parse_json(WRONG[kind])
    assert len(str(caught.value)) < 200


def test_json_is_read_as_it_is() -> None:
    assert values.parse_json('{"a": [1, -2.5, null, true, "x"]}') == {"a": [1, -2.5, None, True, "x"]}
    assert values.as_tuples({"a": [1], "b": 2}) == {"a": (1,), "b": 2}
    with pytest.raises(ValueError, match="no JSON object"):
        values.as_tuples([1])


RULES = {
    "whole": values.whole(1, 10),
    "step": values.whole(0, 64, step=32),
    "number": values.number(0, 1),
    "text": values.text("[a-z]+", "small letters"),
    "choice": values.choice(None, True),
    "either": values.either(values.choice(""), values.whole(1, 2)),
    "several": values.several(values.whole(1, 2), 1, 2),
    "named": values.named(values.number(0, 1)),
}


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("whole", (1, 10), (0, 11, 1.0, True, "1", None, 10**400)),
        ("step", (0, 32, 64), (16, 96)),
        ("number", (0, 0.5, 1), (-0.1, 1.1, float("nan"), float("inf"), True, "0")),
        ("text", ("a", "abc"), ("", "A", "a\n", 1, None)),
        ("choice", (None, True), (1, False, "")),
        ("either", ("", 1), ("x", 3)),
        ("several", ((1,), (1, 2)), ((), (1, 1, 1), (3,), [1], "1")),
        ("named", ({}, {"a": 0.5}), ({"a": 2}, [], None)),
    ],
)
def test_values_keep_to_their_rules(name: str, right: tuple[object, ...], wrong: tuple[object, ...]) -> None:
    for value in right:
        values.check({name: value}, RULES)
    for value in wrong:
        with pytest.raises(ValueError, match=f"^--{name} ") as caught:
            values.check({name: value}, RULES, "--{}")
        assert RULES[name].wanted in str(caught.value) and len(str(caught.value)) < 200


def test_unknown_names_are_told() -> None:
    with pytest.raises(ValueError, match="unknown: colour"):
        values.check({"colour": 1}, RULES)
