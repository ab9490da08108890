"""Which event loop the asynchronous tests of this folder run on."""

import asyncio
from collections.abc import Callable, Mapping

import pytest


def pytest_asyncio_loop_factories(
    item: pytest.Function,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let a module choose its event loop: the class that it names `loop_factory`."""
    return {"chosen": getattr(item.module, "loop_factory", asyncio.new_event_loop)}
