"""A queue that serves its keys in turn, and takes from the longest what is too much."""

from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.runtime.fair_queue import FairQueue

CAPACITY = 6


def drained(queue: FairQueue[int]) -> list[int]:
    return [queue.take() for _ in range(len(queue))]


def test_keys_are_served_in_turn_and_each_in_order() -> None:
    queue: FairQueue[int] = FairQueue(10)
    for number in (1, 2, 3):
        queue.put("a", number)
    queue.put("b", 11)
    queue.put("c", 21)
    queue.put("c", 22)
    assert drained(queue) == [1, 11, 21, 2, 22, 3]


def test_the_longest_one_makes_room() -> None:
    queue: FairQueue[int] = FairQueue(4)
    assert [queue.put("a", number) for number in range(4)] == [None] * 4
    assert queue.put("b", 11) == "a"
    assert queue.put("a", 4) == "a", "it is full because of its own"
    assert queue.put("b", 12) == "a"
    assert queue.put("b", 13) == "b", "both have two, and this would be a third"
    assert queue.put("c", 21) == "b", "of two that are as long, the one that grew last"
    assert drained(queue) == [0, 11, 21, 1]


def test_an_empty_one_has_nothing_to_take() -> None:
    with pytest.raises(IndexError):
        FairQueue(1).take()


@given(st.lists(st.one_of(st.sampled_from("abcdefgh"), st.none()), max_size=80))
def test_it_is_a_queue_per_key_that_never_drops_from_a_shorter_one(steps: list[str | None]) -> None:
    """The same as a plain model that looks at all queues in each step."""
    queue: FairQueue[int] = FairQueue(CAPACITY)
    model: dict[str, deque[int]] = {}
    for number, key in enumerate(steps):
        if key is not None:
            model.setdefault(key, deque()).append(number)
            loser = queue.put(key, number)
            lengths = Counter({k: len(items) for k, items in model.items()})
            if lengths.total() <= CAPACITY:
                assert loser is None
            else:
                assert loser is not None
                assert lengths[loser] == max(lengths.values())
                model[loser].pop()
        elif len(queue):
            first = next(k for k, items in model.items() if items)
            assert queue.take() == model[first].popleft()
            model[first] = model.pop(first)
        model = {k: items for k, items in model.items() if items}
        assert len(queue) == sum(map(len, model.values()))
