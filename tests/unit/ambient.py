"""Credentials of the environment, and the message where there are none."""

import asyncio

import pytest

from mltask_operator.access.credentials import Credentials, NoCredentials

SERVER = "https://10.0.0.1:6443"


async def loaded() -> Credentials:
    credentials = Credentials(reload_pause=0)
    await credentials.load()
    return credentials


async def token(credentials: Credentials) -> str | None:
    """Return the header Authorization."""
    return await credentials.current.authorization()


def why_not() -> str:
    """Return the message for a person who starts the operator."""
    with pytest.raises(NoCredentials) as raised:
        asyncio.run(loaded())
    text = str(raised.value)
    assert text.isprintable()
    assert text.endswith(
        ". Set KUBECONFIG to a kubeconfig file, or run in a Pod that has a service account"
    )
    return text
