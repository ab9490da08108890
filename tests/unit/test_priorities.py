"""The values of PriorityClasses: which is known, and which is asked for."""

import asyncio

import pytest

from mltask_operator.kube.errors import ApiError, Unreachable
from mltask_operator.runtime.priorities import MAX_UNKNOWN, Priorities
from tests.fake_api import FakeApi, Json

HIGH = {"metadata": {"name": "high"}, "value": 1000}
USUAL = {"metadata": {"name": "usual"}, "value": 5, "globalDefault": True}


class Classes(FakeApi):
    """An API server with these PriorityClasses."""

    def __init__(self, *classes: Json) -> None:
        super().__init__()
        self.classes = list(classes)
        self.error: OSError | None = None
        self.at_once = 0
        self.most_at_once = 0

    async def priority_classes(self) -> list[Json]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        return self.classes


@pytest.fixture
def api() -> Classes:
    return Classes(HIGH, USUAL)


@pytest.fixture
async def priorities(api: Classes) -> Priorities:
    found = Priorities(api)
    await found.refresh()
    return found


async def test_values_are_those_of_the_classes(priorities: Priorities) -> None:
    assert (priorities.value("high"), priorities.value("usual")) == (1000, 5)
    assert not priorities.are_wanted.is_set()


async def test_a_task_without_a_class_has_the_clusters_default(priorities: Priorities) -> None:
    assert priorities.value(None) == 5
    assert priorities.default_class() == "usual"


async def test_of_several_defaults_the_lowest_counts() -> None:
    lower = {"metadata": {"name": "lower"}, "value": -5, "globalDefault": True}
    priorities = Priorities(Classes(USUAL, lower, HIGH))
    await priorities.refresh()
    assert (priorities.value(None), priorities.default_class()) == (-5, "lower")


async def test_without_a_default_it_is_zero() -> None:
    priorities = Priorities(Classes(HIGH))
    await priorities.refresh()
    assert priorities.value(None) == 0
    assert priorities.default_class() is None
    assert not priorities.are_wanted.is_set()


async def test_an_unknown_class_counts_as_zero_and_is_asked_for(
    priorities: Priorities, api: Classes
) -> None:
    assert priorities.value("new") == 0
    assert priorities.are_wanted.is_set()
    api.classes.append({"metadata": {"name": "new"}, "value": -7})
    await priorities.refresh()
    assert priorities.value("new") == -7
    assert not priorities.are_wanted.is_set()


async def test_one_that_does_not_exist_is_asked_for_once(priorities: Priorities) -> None:
    priorities.value("nonsense")
    await priorities.refresh()
    assert priorities.value("nonsense") == 0
    assert not priorities.are_wanted.is_set()


async def test_only_so_many_unknown_names_are_kept_and_asked_for(
    priorities: Priorities, api: Classes
) -> None:
    for number in range(MAX_UNKNOWN):
        priorities.value(f"nonsense-{number}")
    priorities.are_wanted.clear()
    api.classes.append({"metadata": {"name": "new"}, "value": -7})
    assert priorities.value("new") == 0
    assert not priorities.are_wanted.is_set()
    await priorities.refresh()
    assert priorities.value("new") == -7
    priorities.value("newer")
    assert priorities.are_wanted.is_set()


async def test_one_that_is_gone_is_asked_for_again(priorities: Priorities, api: Classes) -> None:
    new = {"metadata": {"name": "new"}, "value": -7}
    priorities.value("new")
    for classes, value in (([HIGH, new], -7), ([HIGH], 0)):
        api.classes = classes
        await priorities.refresh()
        assert priorities.value("new") == value
    assert priorities.are_wanted.is_set()


async def test_before_the_first_listing_all_tasks_are_of_one_priority(api: Classes) -> None:
    # So it stays where the operator has no right to list what is cluster-wide.
    priorities = Priorities(api)
    assert (priorities.value("high"), priorities.value(None)) == (0, 0)


@pytest.mark.parametrize(
    "error", [ApiError(403, "Forbidden", "not yours"), Unreachable("no answer")]
)
async def test_what_could_not_be_listed_stays_known_and_is_wanted_on(
    priorities: Priorities, api: Classes, error: OSError
) -> None:
    api.error = error
    with pytest.raises(type(error)):
        await priorities.refresh()
    assert priorities.value("high") == 1000
    assert priorities.are_wanted.is_set()
    api.error = None
    await priorities.refresh()
    assert not priorities.are_wanted.is_set()


async def test_nobody_asks_while_another_may_have_been_told_to_wait(
    priorities: Priorities, api: Classes
) -> None:
    await asyncio.gather(*(priorities.refresh() for _ in range(3)))
    assert api.most_at_once == 1
