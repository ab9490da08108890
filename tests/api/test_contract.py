"""The server in memory of tests/fake_api.py answers as the real API server does.

Each test runs against both. Where they differ the fake is wrong, and with it all that was proven
on it.
"""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube import parse, paths
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError
from mltask_operator.kube.events import event_from
from mltask_operator.lifecycle.announce import Notice, NoticeReason
from mltask_operator.lifecycle.manifest import pod_manifest
from mltask_operator.lifecycle.observed import Pod
from tests.api.team import Team, manifest
from tests.fake_api import FakeApi

Json = dict[str, Any]


class Server:
    """One of the two, with what users and kubelets do to it."""

    def __init__(self, api: Any, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    async def create_task(self, name: str) -> Json:
        raise NotImplementedError

    async def create_pod(self, task: Json, attempt: int = 1) -> Json:
        """Create the Pod of an attempt as the operator does."""
        created: Json = await self.api.create_pod(
            self.namespace, json.dumps(pod_manifest(parse.task_from(task), task["spec"], attempt))
        )
        return created

    async def end_pod(self, pod: Json) -> None:
        raise NotImplementedError

    async def bind_pod(self, pod: Json) -> None:
        raise NotImplementedError


class FakeServer(Server):
    def __init__(self) -> None:
        super().__init__(FakeApi(), "team-a")

    async def create_task(self, name: str) -> Json:
        found: Json = self.api.create_task(self.namespace, name, manifest(name)["spec"])
        return found

    async def end_pod(self, pod: Json) -> None:
        self.api.set_pod_status(pod["metadata"]["name"], {"phase": "Succeeded"}, node="n1")

    async def bind_pod(self, pod: Json) -> None:
        self.api.set_pod_status(pod["metadata"]["name"], {"phase": "Pending"}, node="n1")


class RealServer(Server):
    def __init__(self, api: Api, team: Team) -> None:
        super().__init__(api, team.namespace)
        self._team = team

    async def create_task(self, name: str) -> Json:
        # No simulated node takes a Pod of this scheduler: the test is the kubelet.
        self._team.run(name, template={"spec": {"schedulerName": "none"}})
        return self._team.get("mltask", name)

    async def end_pod(self, pod: Json) -> None:
        patch = ("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge")
        self._team.kubectl(*patch, "--patch", '{"status": {"phase": "Succeeded"}}')

    async def bind_pod(self, pod: Json) -> None:
        name = pod["metadata"]["name"]
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/binding"
        target = {"apiVersion": "v1", "kind": "Node", "name": "nowhere"}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        self._team.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))


@pytest.fixture(params=["fake", "real"])
async def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Server]:
    """Each of the two servers."""
    if request.param == "fake":
        yield FakeServer()
        return
    kubeconfig: Path = request.getfixturevalue("operator_kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    credentials = Credentials()
    await credentials.load()
    api = Api(credentials)
    yield RealServer(api, request.getfixturevalue("team"))
    await api.close()


async def refused(request: Any) -> ApiError:
    """Return the error with which the request is refused."""
    with pytest.raises(ApiError) as caught:
        await request
    return caught.value


def pod_from(body: Json) -> Pod:
    """Return the Pod as the operator sees it."""
    owner = parse.owner_from(body)
    assert owner is not None
    return parse.pod_from(body, owner)


def version(body: Json) -> int:
    """Return the object's resourceVersion."""
    return parse.version_of(body)


async def test_a_name_is_given_once(server: Server) -> None:
    task = await server.create_task("t")
    pod = await server.create_pod(task)
    assert pod["metadata"]["finalizers"] == ["mltask.dev/tracking"]
    assert parse.is_owned_by(pod, task["metadata"]["uid"])
    error = await refused(server.create_pod(task))
    assert (error.code, error.reason) == (409, "AlreadyExists")
    found = await server.api.get_pod(server.namespace, pod["metadata"]["name"])
    assert found["metadata"]["uid"] == pod["metadata"]["uid"]


async def test_an_event_of_a_name_is_made_once(server: Server) -> None:
    task = parse.task_from(await server.create_task("t"))
    notice = Notice(NoticeReason.FAILED, 1, "PodFailed: no")
    event = event_from(task, notice, task.resource_version, datetime.now(UTC))
    await server.api.create_event(event)
    error = await refused(server.api.create_event(event))
    assert (error.code, error.reason) == (409, "AlreadyExists")


async def test_what_is_not_there_is_not_found(server: Server) -> None:
    for request in (
        server.api.get_pod(server.namespace, "none"),
        server.api.delete_pod(server.namespace, "none", "uid"),
        server.api.release_pod(server.namespace, "none", "uid"),
    ):
        error = await refused(request)
        assert error.says_is_gone("pods", "none")
        assert error.says_pod_is_gone("none")
        assert not error.says_pod_is_gone("other")
    for request in (
        server.api.get_task(server.namespace, "none"),
        server.api.patch_status(server.namespace, "none", "1", {"phase": "Running"}),
    ):
        error = await refused(request)
        assert error.says_is_gone("mltasks", "none")
        assert not error.says_is_gone("pods", "none")


async def test_status_is_patched_once_per_version(server: Server) -> None:
    task = await server.create_task("t")
    stale = task["metadata"]["resourceVersion"]
    patched = await server.api.patch_status(
        server.namespace, "t", stale, {"phase": "Running", "attempts": 1}
    )
    assert patched["status"] == {"phase": "Running", "attempts": 1}
    assert patched["spec"] == task["spec"]
    assert version(patched) > version(task)
    error = await refused(
        server.api.patch_status(server.namespace, "t", stale, {"phase": "Failed"})
    )
    assert error.code == 409


async def test_null_takes_a_field_off_and_no_change_makes_no_version(server: Server) -> None:
    task = await server.create_task("t")
    patch = server.api.patch_status
    first = await patch(
        server.namespace, "t", task["metadata"]["resourceVersion"], {"reason": "A", "attempts": 1}
    )
    second = await patch(
        server.namespace, "t", first["metadata"]["resourceVersion"], {"reason": None}
    )
    assert second["status"] == {"phase": "Pending", "attempts": 1}
    third = await patch(
        server.namespace, "t", second["metadata"]["resourceVersion"], {"attempts": 1}
    )
    assert version(third) == version(second)


async def test_deletion_of_another_uid_is_refused(server: Server) -> None:
    pod = await server.create_pod(await server.create_task("t"))
    name = pod["metadata"]["name"]
    error = await refused(server.api.delete_pod(server.namespace, name, "other"))
    assert error.code == 409
    assert "UID in" in error.message
    error = await refused(server.api.release_pod(server.namespace, name, "other"))
    assert error.code == 422
    assert "metadata.uid" in error.message


async def test_an_ended_pod_stays_until_it_is_released(server: Server) -> None:
    pod = await server.create_pod(await server.create_task("t"))
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    await server.bind_pod(pod)
    await server.end_pod(pod)
    deleted = await server.api.delete_pod(server.namespace, name, uid)
    assert pod_from(deleted).is_being_deleted
    assert pod_from(deleted).is_held
    assert not parse.is_removed(deleted)
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 0
    released = await server.api.release_pod(server.namespace, name, uid, is_being_deleted=True)
    assert parse.is_removed(released)
    assert version(released) == version(deleted)
    assert (await refused(server.api.get_pod(server.namespace, name))).code == 404


async def test_a_bound_pod_has_its_grace_period(server: Server) -> None:
    pod = await server.create_pod(await server.create_task("t"))
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    await server.bind_pod(pod)
    deleted = pod_from(await server.api.delete_pod(server.namespace, name, uid))
    again = pod_from(await server.api.delete_pod(server.namespace, name, uid))
    assert deleted.deletion_asked_at == again.deletion_asked_at
    released = await server.api.release_pod(server.namespace, name, uid, is_being_deleted=True)
    assert "managedFields" not in released["metadata"]
    assert released["metadata"]["deletionGracePeriodSeconds"] == 30
    assert not parse.is_removed(released)
    assert not pod_from(released).is_held


async def test_a_pod_without_a_node_has_none(server: Server) -> None:
    pod = await server.create_pod(await server.create_task("t"))
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    deleted = await server.api.delete_pod(server.namespace, name, uid)
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 0
    assert parse.is_removed(await server.api.release_pod(server.namespace, name, uid))


async def test_a_pod_that_was_let_go_is_held_again(server: Server) -> None:
    pod = await server.create_pod(await server.create_task("t"))
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    await server.bind_pod(pod)
    assert not pod_from(await server.api.release_pod(server.namespace, name, uid)).is_held
    held = await server.api.hold_pod(server.namespace, name, uid)
    assert pod_from(held).is_held
    await server.api.delete_pod(server.namespace, name, uid)
    await server.api.release_pod(server.namespace, name, uid)
    error = await refused(server.api.hold_pod(server.namespace, name, uid))
    assert error.code == 422
    assert "metadata.finalizers" in error.message


@pytest.mark.parametrize(
    ("path", "label"), [(paths.tasks, ""), (paths.pods, "mltask.dev/task-uid")]
)
async def test_listings_hold_what_exists(
    server: Server, path: Callable[[str | None], str], label: str
) -> None:
    task = await server.create_task("t")
    pod = await server.create_pod(task)
    items: list[Json] = []
    listed = await server.api.list(path(server.namespace), items.append, label)
    assert [item["metadata"]["uid"] for item in items] == [
        (pod if label else task)["metadata"]["uid"]
    ]
    assert listed >= version(pod)
