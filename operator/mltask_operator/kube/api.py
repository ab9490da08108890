"""The requests that the operator makes for tasks and their Pods; objects come back slim."""

import json
from typing import Any

from mltask_operator.api import names
from mltask_operator.kube import paths
from mltask_operator.kube.answers import expect, parsed
from mltask_operator.kube.errors import ApiError, StrayAnswer, error_from
from mltask_operator.kube.requests import JSON, Requests
from mltask_operator.kube.slim import slim_pod, slim_task

Json = dict[str, Any]

READ_TIMEOUT_SECONDS = 5
"""For one object by its name: etcd's or the API server's trouble is left to the next retry."""
MAX_POD_BYTES = 2**20
"""etcd takes 1.5 MiB, and the kubelet's status must fit in beside the Pod. Of a larger Pod, which
could be created, nobody could report that it runs or has ended."""
MERGE_PATCH = "application/merge-patch+json"
_DELETED = (names.KIND, "Status")
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"


class Api(Requests):
    """The API server. Each method raises ApiError for a refusal, Unreachable for no answer.

    An answer that is not the object that was asked for is a StrayAnswer: no answer.
    """

    async def create_pod(self, namespace: str, manifest: str) -> Json:
        """Create the Pod of this manifest, which is JSON. Return it as it was admitted, not slim.

        One that is too large is refused without a request.
        """
        if (size := len(manifest)) > MAX_POD_BYTES:
            raise ApiError(
                413,
                "RequestEntityTooLarge",
                f"the Pod would have {size} bytes, of at most {MAX_POD_BYTES}: put data into a "
                "volume (with steps, spec.env stands in each of them)",
            )
        return _checked(
            await self.request("POST", paths.pods(namespace), manifest), "Pod", namespace
        )

    async def get_pod(self, namespace: str, name: str) -> Json:
        """Return the Pod of this name."""
        path = paths.named(paths.pods(namespace), name)
        body = await self.request("GET", path, seconds=READ_TIMEOUT_SECONDS)
        return slim_pod(_checked(body, "Pod", namespace, name))

    async def delete_pod(self, namespace: str, name: str, uid: str) -> Json:
        """Ask for the deletion of the Pod of this name and uid, and return its state after that."""
        path = paths.named(paths.pods(namespace), name)
        body = await self.request("DELETE", path, {"preconditions": {"uid": uid}})
        return slim_pod(_checked(body, "Pod", namespace, name))

    async def hold_pod(self, namespace: str, name: str, uid: str) -> Json:
        """Add the tracking finalizer to the Pod of this name and uid, and return the Pod."""
        held = {"finalizers": [names.TRACKING_FINALIZER]}
        return await self._patch_pod(namespace, name, uid, held)

    async def release_pod(
        self, namespace: str, name: str, uid: str, *, is_being_deleted: bool = False
    ) -> Json:
        """Remove the tracking finalizer from the Pod of this name and uid, and return the Pod."""
        # This removes one finalizer, even if other clients change the list concurrently.
        released: Json = {"$deleteFromPrimitiveList/finalizers": [names.TRACKING_FINALIZER]}
        if is_being_deleted:
            # Computing who owns which field is most of a patch's cost for the API server. Nobody
            # needs it for a Pod that goes, and clearing managedFields skips it:
            # https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields
            released["managedFields"] = [{}]
        return await self._patch_pod(namespace, name, uid, released)

    async def label_pod(self, namespace: str, name: str, uid: str, labels: Json) -> Json:
        """Set labels of the Pod of this name and uid, and return the Pod."""
        return await self._patch_pod(namespace, name, uid, {"labels": labels}, MERGE_PATCH)

    async def _patch_pod(
        self,
        namespace: str,
        name: str,
        uid: str,
        metadata: Json,
        content_type: str = STRATEGIC_MERGE_PATCH,
    ) -> Json:
        patch = {"metadata": {"uid": uid, **metadata}}
        path = paths.named(paths.pods(namespace), name)
        body = await self.request("PATCH", path, patch, content_type)
        return slim_pod(_checked(body, "Pod", namespace, name))

    async def get_task(self, namespace: str, name: str) -> Json:
        """Return the MLTask of this name, slim."""
        body, length = await self._get_task(namespace, name)
        return slim_task(body, length)

    async def get_task_spec(self, namespace: str, name: str, uid: str) -> Json | None:
        """Return the whole spec of the MLTask of this name, or None where it has another uid."""
        body, _ = await self._get_task(namespace, name)
        spec: Json = body["spec"]
        return spec if body["metadata"]["uid"] == uid else None

    async def _get_task(self, namespace: str, name: str) -> tuple[Json, int]:
        path = paths.named(paths.tasks(namespace), name)
        answer = await self.answer("GET", path, seconds=READ_TIMEOUT_SECONDS)
        return _checked(parsed(answer), names.KIND, namespace, name), len(answer)

    async def delete_task(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """Delete the MLTask of this name, if it still has this uid and resourceVersion."""
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        path = paths.named(paths.tasks(namespace), name)
        # The answer is the task if a finalizer holds it, and else a Status.
        expect(await self.request("DELETE", path, {"preconditions": preconditions}), *_DELETED)

    async def patch_status(
        self, namespace: str, name: str, resource_version: str, changes: Json
    ) -> Json:
        """Change fields of the MLTask's status if it still has this resourceVersion; return it."""
        patch = {"metadata": {"resourceVersion": resource_version}, "status": changes}
        path = f"{paths.named(paths.tasks(namespace), name)}/status"
        answer = await self.answer("PATCH", path, patch, MERGE_PATCH)
        return slim_task(_checked(parsed(answer), names.KIND, namespace, name), len(answer))

    async def create_event(self, event: Json) -> None:
        """Create a core/v1 Event. After a 401, the next request for a task renews credentials."""
        path = paths.events(event["metadata"]["namespace"])
        response, answer = await self.send("POST", path, json.dumps(event), JSON)
        if response.status >= 300:
            raise error_from(response.status, answer)
        expect(parsed(answer), "Event")

    async def priority_classes(self) -> list[Json]:
        """Return all PriorityClasses."""
        path = "/apis/scheduling.k8s.io/v1/priorityclasses"
        found = await self.ask("GET", path, "PriorityClassList")
        items: list[Json] = found.get("items") or []
        return items


def _checked(body: Json, kind: str, namespace: str, name: str | None = None) -> Json:
    """Return the object if it is the one that was asked for; else raise StrayAnswer."""
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and body.get("kind") == kind:
        found = (metadata.get("namespace"), metadata.get("name"))
        if found == (namespace, name or found[1]):
            return body
    raise StrayAnswer(200, f"not the {kind} {namespace}/{name or ''}")
