"""Schedule: which worker runs which tests, the longest first by the durations of the last run.

A unit of work is a file, because the tests of a file share fixtures. Files of a group are one unit:
their tests run one after another, since they share something that only one test may use at a time.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

GROUPS = {
    "tests/api/whole_cluster/": "own cluster",
    "tests/chaos/servers/": "own cluster",
    "tests/chart/test_matrix.py": "chart",
    "tests/chart/test_on_api_server.py": "chart",
    "tests/chart/test_rights.py": "chart",
    "tests/e2e/test_quick_start.py": "quick start",
    "tests/e2e/": "node",
}
"""Path prefix to group; the first that fits counts."""

MEASURED = Path(__file__).with_name("durations.json")
"""Seconds of each unit of work, for a checkout that has not run the tests yet."""
LAST_RUN = "mltask/durations"
UNKNOWN_SECONDS = 5.0


class ByUnit(LoadScopeScheduling):
    """Gives a worker whole units of work, in the order in which the workers collected them."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """Return the unit of work that a test belongs to: its group, or its file."""
    file = nodeid.partition("::")[0]
    return next((group for prefix, group in GROUPS.items() if file.startswith(prefix)), file)


def sort_longest_first(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort tests so that those of a unit stand together and the longest units come first."""
    seconds = known_durations(config)
    items.sort(
        key=lambda item: (-seconds.get(unit_of(item.nodeid), UNKNOWN_SECONDS), unit_of(item.nodeid))
    )


def known_durations(config: pytest.Config) -> dict[str, float]:
    """Return the wall seconds of each unit of work in the last run that included it."""
    measured: dict[str, float] = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    last_run: dict[str, float] = config.cache.get(LAST_RUN, {}) if config.cache else {}
    return measured | last_run


def keep_durations(config: pytest.Config, tests: Mapping[str, float]) -> dict[str, float]:
    """Keep the wall seconds of these tests, summed by unit, for the next run; return the sums."""
    sums: dict[str, float] = defaultdict(float)
    for nodeid, seconds in tests.items():
        sums[unit_of(nodeid)] += seconds
    kept = known_durations(config) | {unit: round(seconds, 1) for unit, seconds in sums.items()}
    if config.cache:
        config.cache.set(LAST_RUN, kept)
    return kept
