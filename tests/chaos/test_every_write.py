"""The operator dies at its n-th write, or never hears its answer: it all ends as if nothing was.

What must be so after each run stands in run.py. `make chaos` tries each write of each scenario with
each fault; otherwise it is one write for each fault, drawn by lot from a seed.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chaos.extent import IS_WHOLE, SEED
from tests.chaos.faults import MODES
from tests.chaos.record import Record, Tried
from tests.chaos.run import NotReached, Setting, Strike, play
from tests.chaos.scenarios import SCENARIOS, Scenario

AT_A_TIME = 4
TRIES = 3

pytestmark = pytest.mark.api


@pytest.fixture(scope="module")
def writes(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many writes each scenario has where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = {
            scenario.name: pool.submit(play, setting, scenario, folder / str(number))
            for number, scenario in enumerate(SCENARIOS)
        }
    return {name: run.result() for name, run in runs.items()}


def points(scenario: Scenario, writes: int) -> list[tuple[str, int]]:
    """Return the faults and writes to try."""
    every = range(1, writes + 1)
    if IS_WHOLE:
        return [(mode, write) for mode in MODES for write in every]
    lot = random.Random(f"{SEED} {scenario.name}")  # noqa: S311 (a lot, no secret)
    return [(mode, lot.choice(every)) for mode in MODES]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_all_ends_as_if_nothing_had_happened(
    scenario: Scenario,
    setting: Setting,
    writes: dict[str, int],
    record: Record,
    tmp_path: Path,
) -> None:
    count = writes[scenario.name]

    def run(point: tuple[str, int]) -> None:
        mode, write = point
        for number in range(TRIES):
            try:
                folder = tmp_path / f"{mode} {write} {number}"
                play(setting, scenario, folder, Strike(write, MODES[mode]))
                return
            except NotReached as ended:
                if number == TRIES - 1:
                    raise
                # Slow runs have more writes, because the operator reports states that last.
                write = min(write, ended.writes)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = {point: pool.submit(run, point) for point in points(scenario, count)}
    broken = {point: error for point, run in runs.items() if (error := run.exception())}
    for mode in MODES:
        tried = sum(of == mode for of, _ in runs)
        lost = sum(of == mode for of, _ in broken)
        record.append(Tried(mode, MODES[mode].how, tried, lost, count, scenario.name))
    assert not broken, "\n".join(
        f"{mode}, write {write} of {count}: {error}" for (mode, write), error in broken.items()
    )
