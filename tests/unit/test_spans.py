"""Times in whole seconds, and spans in words as kubectl prints them."""

from datetime import timedelta

import pytest

from mltask_operator.lifecycle.spans import in_seconds, in_words, whole_seconds
from tests.unit.pods import NOW, seconds


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (0, "0s"),
        (0.9, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (600, "10m"),
        (3599, "59m"),
        (3600, "60m"),
        (66 * 60, "66m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (8 * 3600 - 1, "7h59m"),
        (8 * 3600, "8h"),
        (48 * 3600 - 1, "47h"),
        (48 * 3600, "2d"),
        (53 * 3600, "2d5h"),
        (8 * 86400 - 1, "7d23h"),
        (8 * 86400, "8d"),
        (400 * 86400, "400d"),
        (2 * 365 * 86400, "2y"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
        (-5, "0s"),
    ],
)
def test_a_span_in_words(span: float, words: str) -> None:
    assert in_words(NOW, NOW + seconds(span)) == words


def test_what_never_began_has_no_span() -> None:
    assert in_words(None, NOW) is None


def test_whole_seconds_are_cut_not_rounded() -> None:
    assert whole_seconds(seconds(1.999)) == 1
    assert in_seconds(NOW + timedelta(microseconds=999_999)) == NOW
