"""Preflight checks: what the operator requires at its start, and how it reports what is missing."""

import logging
from collections.abc import Callable

import pytest
from aiohttp import web

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError, StrayAnswer, Unreachable
from mltask_operator.kube.preflight import (
    NotReady,
    check_cluster,
    may_list_priorities,
    warn_without_events,
)
from mltask_operator.kube.requests import Patience
from tests.unit.api_server import ApiServer, Json

Denies = Callable[[Json], bool]
"""Whether the cluster denies what these resourceAttributes of a SelfSubjectAccessReview ask."""


def serve(server: ApiServer, resource: str = "mltasks", denies: Denies = lambda _: False) -> None:
    """Let the server be a cluster with one kind of resource, which permits the rest."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/apis/mltask.dev/v1alpha1":
            resources = [{"name": resource}]
            return web.json_response({"kind": "APIResourceList", "resources": resources})
        assert request.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        review = await request.json()
        attributes = review["spec"]["resourceAttributes"]
        return web.json_response({**review, "status": {"allowed": not denies(attributes)}})

    server.answer = answer


async def why_not(api: Api, *namespaces: str) -> str:
    with pytest.raises(NotReady) as raised:
        await check_cluster(api, namespaces)
    return str(raised.value)


async def test_a_prepared_cluster_is_ready(api: Api, server: ApiServer) -> None:
    serve(server)
    await check_cluster(api, ())


@pytest.mark.parametrize("served", ["mltasks/status", "others"])
async def test_missing_definition(api: Api, server: ApiServer, served: str) -> None:
    serve(server, resource=served)
    assert await why_not(api) == (
        "the CustomResourceDefinition mltasks.mltask.dev is not installed: install the "
        "Helm chart mltask-operator, or `kubectl apply -f crds/mltasks.yaml`"
    )


async def test_missing_group(api: Api, server: ApiServer) -> None:
    server.answer = server.says({"kind": "Status", "reason": "NotFound"}, 404)
    assert "mltasks.mltask.dev is not installed" in await why_not(api)


async def test_missing_group_as_plain_text(credentials: Credentials, server: ApiServer) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=404, text="404 page not found\n")

    server.answer = answer
    async with Api(credentials, patience=Patience(retry_pause=0)) as api:
        assert "mltasks.mltask.dev is not installed" in await why_not(api)


async def test_a_proxys_404_does_not_say_that_the_definition_is_missing(
    credentials: Credentials, server: ApiServer
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=404, text="<html>no such backend</html>")

    server.answer = answer
    async with Api(credentials, patience=Patience(retry_pause=0)) as api:
        with pytest.raises(StrayAnswer, match="no such backend"):
            await check_cluster(api, ())


@pytest.mark.parametrize("code", [401, 403])
async def test_refused_credentials(api: Api, server: ApiServer, code: int) -> None:
    server.answer = server.says(
        {"kind": "Status", "reason": "x", "message": "User anonymous cannot"}, code
    )
    assert await why_not(api) == "the credentials are not accepted: User anonymous cannot"


async def test_missing_permissions_are_named(api: Api, server: ApiServer) -> None:
    def denies(asked: Json) -> bool:
        return asked["verb"] in ("patch", "delete")

    serve(server, denies=denies)
    assert await why_not(api) == (
        "not permitted cluster-wide: delete mltasks; patch mltasks/status; patch, delete pods. "
        "Bind the role of the Helm chart mltask-operator to the user or service account that the "
        "operator runs as"
    )


async def test_a_namespace_without_permissions_is_left_out(
    api: Api, server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    def denies(asked: Json) -> bool:
        return (asked["namespace"], asked["verb"]) == ("b", "create")

    serve(server, denies=denies)
    assert await check_cluster(api, ("a", "b")) == ["a"]
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "namespace b: create pods" in record.getMessage()


async def test_without_any_namespace_left_it_is_an_error(api: Api, server: ApiServer) -> None:
    serve(server, denies=lambda asked: asked["verb"] == "create")
    text = await why_not(api, "a", "b")
    assert text.startswith("not permitted in namespace a: create pods. ")


async def test_other_errors_are_raised_unchanged(api: Api, server: ApiServer) -> None:
    status = {"kind": "Status", "reason": "InternalError", "message": "etcd is down"}
    server.answer = server.says(status, 500)
    with pytest.raises(ApiError, match="500 InternalError: etcd is down"):
        await check_cluster(api, ())
    await server.close()
    with pytest.raises(Unreachable):
        await check_cluster(api, ())


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("namespaces", [(), ("a",)])
async def test_priorities_are_used_where_they_may_be_listed(
    api: Api,
    server: ApiServer,
    caplog: pytest.LogCaptureFixture,
    namespaces: tuple[str, ...],
    *,
    allowed: bool,
) -> None:
    def denies(asked: Json) -> bool:
        return not allowed and asked["resource"] == "priorityclasses"

    serve(server, denies=denies)
    assert await may_list_priorities(api, namespaces) is allowed
    # The permission is optional. The chart grants it only to operators of all namespaces, so only
    # they warn.
    assert await check_cluster(api, namespaces) == list(namespaces)
    warnings = ["list priorityclasses" in record.getMessage() for record in caplog.records]
    assert warnings == ([] if allowed or namespaces else [True])


async def test_a_missing_permission_to_create_events_is_only_a_warning(
    api: Api, server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    def denies(asked: Json) -> bool:
        return asked["resource"] == "events" and asked["namespace"] in ("", "b")

    serve(server, denies=denies)
    for namespaces, where in (((), "cluster-wide"), (("a", "b"), "in namespace b")):
        caplog.clear()
        assert await check_cluster(api, namespaces) == list(namespaces)
        await warn_without_events(api, namespaces)
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert f"{where}: create events" in record.getMessage()
