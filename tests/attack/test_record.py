"""The generator repeats itself for a seed, and the page has a place for the figures."""

import random

from tests.attack import forged
from tests.attack.record import EDITS, Record
from tests.attack.report import BEGIN, HEAD, PAGE, cells

TASK = {"metadata": {"name": "t", "uid": "12345678-0000-0000-0000-000000000000"}}


def test_a_seed_gives_the_same_pods() -> None:
    first, second = (list(forged.pods(random.Random("7"), 100, TASK, TASK)) for _ in range(2))  # noqa: S311
    assert first == second
    assert len({pod["metadata"]["name"] for pod in first}) > 90


def test_an_attack_that_fails_is_recorded_as_harm() -> None:
    record = Record()
    try:
        with record.attack(EDITS, "a"):
            raise AssertionError
    except AssertionError:
        with record.attack(EDITS, "b"):
            pass
    assert [cells(each)[-1] for each in record.attacks] == ["**harm**", "no effect"]
    record.attacks[1].pod = 1.5
    assert cells(record.attacks[1])[-1] == "**delay**"
    record.attacks[1].bare_pod = 0.9
    assert cells(record.attacks[1])[-1] == "no effect", "the API server took most of it"
    assert {len(cells(each)) for each in record.attacks} == {len(HEAD)}


def test_the_page_has_a_place_for_the_figures() -> None:
    assert PAGE.read_text().count(BEGIN) == 1
