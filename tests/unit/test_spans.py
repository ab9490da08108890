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
        (120, "2m0s"),
        (200, "3m20s"),
        (3599, "59m59s"),
        (3600, "1h0m"),
        (5400, "1h30m"),
        (48 * 3600 - 1, "47h59m"),
        (48 * 3600, "2d0h"),
        (53 * 3600, "2d5h"),
        (400 * 86400, "400d0h"),
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
