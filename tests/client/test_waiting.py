"""Waiting for a task's end, whatever becomes of the watch meanwhile."""

import pytest
from aiohttp import web

from mltask import AsyncClient, NotFinished, Phase, Refused, TaskFailed, TaskGone
from tests.client.bodies import body
from tests.client.script import Script, a_watched_task, event, listing, refusal
from tests.unit.api_server import ApiServer


async def test_wait_returns_the_task_that_succeeded(client: AsyncClient, server: ApiServer) -> None:
    Script(
        server,
        listing(body()),
        [
            event("MODIFIED", 11, phase="Running"),
            event("MODIFIED", 12, phase="Succeeded", result="42"),
        ],
    )
    finished = await client.wait(a_watched_task(), timeout=20)
    assert (finished.status.phase, finished.status.result) == (Phase.SUCCEEDED, "42")


async def test_wait_raises_with_the_evidence_of_a_failure(
    client: AsyncClient, server: ApiServer
) -> None:
    failed = body(
        phase="Failed", reason="ContainerFailed", message="exit code 3", exitCode=3, logTail="NaN\n"
    )
    Script(server, listing(failed))
    with pytest.raises(TaskFailed) as raised:
        await client.wait(a_watched_task(), timeout=20)
    error = raised.value
    assert (error.reason, error.exit_code, error.log_tail) == ("ContainerFailed", 3, "NaN\n")
    assert str(error) == (
        "MLTask team-a/train has failed: ContainerFailed: exit code 3\nThe end of its log:\nNaN"
    )


async def test_wait_is_bounded_and_tells_how_the_task_is(
    client: AsyncClient, server: ApiServer
) -> None:
    Script(server, listing(body(reason="Unschedulable", message="0/4 nodes are available")))
    with pytest.raises(
        NotFinished, match=r"not finished after 0\.2 s \(Pending, Unschedulable: 0/4"
    ):
        await client.wait(a_watched_task(), timeout=0.2)


async def test_wait_notices_a_deletion(client: AsyncClient, server: ApiServer) -> None:
    Script(server, listing(body()), [event("DELETED", 11)])
    with pytest.raises(TaskGone, match="team-a/train was deleted"):
        await client.wait(a_watched_task(), timeout=20)


async def test_wait_is_not_for_another_task_of_that_name(
    client: AsyncClient, server: ApiServer
) -> None:
    Script(server, listing(body(metadata={"uid": "other"}, phase="Succeeded")))
    with pytest.raises(TaskGone):
        await client.wait(a_watched_task(), timeout=20)


async def test_a_watch_that_ends_goes_on_where_it_ended(
    client: AsyncClient, server: ApiServer
) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "15"}}}
    script = Script(
        server,
        listing(body()),
        [event("MODIFIED", 11, phase="Running")],
        [bookmark],
        [event("MODIFIED", 16, phase="Succeeded")],
    )
    await client.wait(a_watched_task(), timeout=20)
    assert script.asked == ["list", "watch from 10", "watch from 11", "watch from 15"]


@pytest.mark.parametrize("as_event", [True, False])
async def test_what_the_server_has_forgotten_is_listed_anew(
    client: AsyncClient, server: ApiServer, *, as_event: bool
) -> None:
    expired = {"code": 410, "reason": "Expired", "message": "too old resource version"}
    script = Script(
        server,
        listing(body()),
        [{"type": "ERROR", "object": expired}]
        if as_event
        else web.json_response(expired, status=410),
        listing(body(), version="20"),
        [event("MODIFIED", 21, phase="Succeeded")],
    )
    await client.wait(a_watched_task(), timeout=20)
    assert script.asked == ["list", "watch from 10", "list", "watch from 20"]


async def test_a_server_that_restarts_is_waited_for(client: AsyncClient, server: ApiServer) -> None:
    unavailable = [refusal(503, "ServiceUnavailable", "shutting down") for _ in range(3)]
    Script(
        server,
        unavailable[0],
        listing(body()),
        *unavailable[1:],
        [event("MODIFIED", 11, phase="Succeeded")],
    )
    await client.wait(a_watched_task(), timeout=20)


async def test_a_server_that_stays_away_is_not_waited_for_for_ever(
    client: AsyncClient, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltask.states.PATIENCE_SECONDS", 0.1)
    server.answer = server.says({"message": "no"}, 503)
    with pytest.raises(Refused, match=r"no\. Try again in a moment"):
        await client.wait(a_watched_task(), timeout=20)
