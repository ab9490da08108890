"""Lanes are served in turn, whatever one of them holds."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.runtime.lanes import Lanes
from mltask_operator.runtime.supervisor import Supervisor
from mltask_operator.runtime.workqueue import WorkQueue
from tests.unit.pods import seconds
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop


async def taken(lanes: Lanes, count: int) -> list[str]:
    return [(await lanes.get())[1] for _ in range(count)]


async def test_a_burst_delays_another_lane_by_one_key() -> None:
    lanes = Lanes(most_active=100)
    for number in range(1000):
        lanes.put("busy", f"b{number}")
    lanes.put("quiet", "q")
    assert await taken(lanes, 3) == ["b0", "q", "b1"]
    assert len(lanes) == 998


async def test_a_lane_has_at_most_so_many_keys_in_progress() -> None:
    lanes = Lanes(most_active=2)
    for number in range(4):
        lanes.put("slow", f"s{number}")
    assert await taken(lanes, 2) == ["s0", "s1"]
    waiting = asyncio.create_task(lanes.get())
    await let_pass()
    assert not waiting.done()
    lanes.put("other", "o")
    assert await waiting == ("other", "o")
    lanes.done("slow")
    assert await taken(lanes, 1) == ["s2"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=40))
async def test_every_key_is_handed_out_once_and_in_the_order_of_its_lane(
    puts: list[tuple[str, int]],
) -> None:
    lanes = Lanes(most_active=2)
    keys = [(lane, f"{lane}{number}") for number, (lane, _) in enumerate(puts)]
    found: list[tuple[str, str]] = []
    active: list[str] = []
    workers = [asyncio.create_task(_drain(lanes, found, active)) for _ in range(3)]
    for (lane, key), (_, pause) in zip(keys, puts, strict=True):
        lanes.put(lane, key)
        await asyncio.sleep(pause)
    await let_pass(100)
    for worker in workers:
        worker.cancel()
    assert sorted(found) == sorted(keys)
    for lane in "abc":
        assert [pair for pair in found if pair[0] == lane] == [k for k in keys if k[0] == lane]
    assert len(lanes) == 0


async def _drain(lanes: Lanes, found: list[tuple[str, str]], active: list[str]) -> None:
    while True:
        lane, key = await lanes.get()
        found.append((lane, key))
        active.append(lane)
        assert active.count(lane) <= 2
        await asyncio.sleep(1)
        active.remove(lane)
        lanes.done(lane)


async def test_a_worker_that_is_cancelled_takes_no_key_with_it() -> None:
    lanes = Lanes(most_active=2)
    first, second = (asyncio.create_task(lanes.get()) for _ in range(2))
    await let_pass()
    lanes.put("a", "key")
    first.cancel()
    assert await second == ("a", "key")


async def test_a_namespace_whose_requests_hang_leaves_workers_to_others() -> None:
    done: list[str] = []

    async def work(key: str) -> None:
        if key.startswith("hang"):
            await asyncio.sleep(30)
        done.append(key)

    queue = WorkQueue(work, 4, lane_of=lambda key: key.split("-")[0], most_of_a_lane=3)
    queue.start(Supervisor())
    for number in range(100):
        queue.wake(f"hang-{number}")
    await let_pass(1)
    queue.wake("other-1")
    await let_pass()
    assert done == ["other-1"]
    await queue.stop(seconds(0))


@pytest.mark.parametrize("count", [1, 100])
async def test_cleared_lanes_hand_nothing_out(count: int) -> None:
    lanes = Lanes(most_active=2)
    for number in range(count):
        lanes.put("a", f"{number}")
    lanes.clear()
    lanes.put("b", "left")
    assert await taken(lanes, 1) == ["left"]
