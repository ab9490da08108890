"""The whole demo where there are no real nodes; `make demo` itself is the test of the real one."""

import pytest

from demo.__main__ import on_own_cluster


@pytest.mark.api
def test_on_simulated_nodes_everything_is_as_promised(capsys: pytest.CaptureFixture[str]) -> None:
    assert on_own_cluster(why_simulated="it is a test", keep=False)
    told = capsys.readouterr().out
    assert "SIMULATED" in told
    assert "CPU .................... 0.0 of 2.0" in told
    assert "NOT ok" not in told
    assert "make demo KEEP=1" in told
