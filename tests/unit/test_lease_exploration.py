"""All that can happen to two or three candidates: never two writers, and soon a leader again."""

from collections import deque
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.unit.lease_world import ACQUIRE, ANSWERED, SECOND, SERVED, Step, World

Path = tuple[Step, ...]


def after(durations: tuple[int, ...], path: Path) -> World:
    """Return the world in which these steps have been taken."""
    world = World(durations)
    for step in path:
        world.take(step)
    return world


def reachable(durations: tuple[int, ...], begin: Path, depth: int) -> Iterator[tuple[Path, World]]:
    """Yield each state that can be reached in so many steps after those, and the path to it."""
    known: set[object] = set()
    paths: deque[Path] = deque([begin])
    while paths:
        path = paths.popleft()
        with closing(after(durations, path)) as world:
            if (state := world.state()) in known:
                continue
            known.add(state)
            yield path, world
            if len(path) < len(begin) + depth:
                paths.extend((*path, step) for step in world.steps())


LEADS = (Step(ACQUIRE, 0), Step(ANSWERED, 0), Step(SERVED, 0), Step(ANSWERED, 0))
IS_SEEN = (Step(ACQUIRE, 1), Step(ANSWERED, 1))
RENEWS = (Step(ACQUIRE, 0), Step(ANSWERED, 0), Step(SERVED, 0))


@pytest.mark.parametrize(
    ("durations", "begin", "depth"),
    [
        ((2, 2), (), 9),
        ((2, 2), LEADS + IS_SEEN, 8),
        ((2, 2), LEADS + RENEWS + IS_SEEN, 8),
        ((1, 3), LEADS + IS_SEEN, 7),
        ((3, 1), LEADS + IS_SEEN, 9),
        ((1, 1, 1), LEADS + IS_SEEN, 7),
    ],
)
def test_there_are_never_two_writers(durations: tuple[int, ...], begin: Path, depth: int) -> None:
    for path, world in reachable(durations, begin, depth):
        assert len(world.writers()) <= 1, path


@pytest.mark.parametrize(
    ("durations", "begin", "depth"), [((2, 2), LEADS + IS_SEEN, 5), ((1, 3), LEADS + IS_SEEN, 5)]
)
def test_within_twice_the_duration_there_is_a_leader(
    durations: tuple[int, ...], begin: Path, depth: int
) -> None:
    for path, _ in reachable(durations, begin, depth):
        for survivor in range(len(durations)):
            with closing(after(durations, path)) as world:
                for _ in range(2 * max(durations)):
                    world.try_to_acquire(survivor)
                    if world.writers():
                        break
                    world.take(SECOND)
                assert world.writers(), (path, survivor)
