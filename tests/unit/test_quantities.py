"""Quantities as Kubernetes writes them, in whole numbers of their base unit."""

import pytest

from mltask_operator.kube.quantities import LARGEST, amount, whole


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (5, 5),
        ("5", 5),
        ("+5", 5),
        ("5.", 5),
        (".5", 1),
        ("1Ki", 1024),
        ("1.5Gi", 3 * 2**29),
        ("1k", 1000),
        ("2E", 2 * 10**18),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1e-3", 1),
        ("100m", 1),
        ("1001m", 2),
        ("1n", 1),
        ("0", 0),
    ],
)
def test_quantities_are_rounded_up(quantity: str | int, expected: int) -> None:
    assert whole(quantity) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("9223372036854775807", LARGEST),
        ("9223372036854775808", LARGEST),
        ("8Ei", LARGEST),
        ("1e99", LARGEST),
        ("1e99999", LARGEST),
        ("1e-99999", 1),
        ("-1e99999", 0),
        ("-1", 0),
        ("9" * 64, LARGEST),
    ],
)
def test_what_no_memory_holds_takes_no_time_to_cut(quantity: str, expected: int) -> None:
    assert whole(quantity) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1x",
        "Gi",
        "1gi",
        "1mi",
        "1ni",
        "1e",
        "1e1e1",
        "--1",
        "nan",
        "Infinity",
        "-infm",
        "1e" + "9" * 30,
    ],
)
def test_other_texts_are_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|number|suffix"):
        amount(text)
