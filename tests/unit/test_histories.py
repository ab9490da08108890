"""Random histories with the real Controller: nothing is repeated, and all comes to its end.

Each run makes other histories. A failure prints its seed, and `HISTORY_SEED=<seed>` replays it.
"""

import os
import secrets

import pytest

from tests.chaos.extent import IS_WHOLE
from tests.unit.history import History
from tests.unit.virtual_time import VirtualTimeLoop

loop_factory = VirtualTimeLoop

SEED = os.environ.get("HISTORY_SEED")
COUNT = 1 if SEED else 400 if IS_WHOLE else 12


@pytest.mark.parametrize("_number", range(COUNT))
async def test_history(_number: int, caplog: pytest.LogCaptureFixture) -> None:
    seed = int(SEED) if SEED else secrets.randbits(32)
    history = History(seed)
    await history.run()
    tracebacks = [record.getMessage() for record in caplog.records if record.exc_info]
    left = (history.problems, history.open_tasks, list(history.api.pods), tracebacks)
    assert left == ([], [], [], []), f"HISTORY_SEED={seed}"
