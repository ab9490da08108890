"""API client: every request of the operator except Kopf's watches. JSON in, JSON out.

It does not use the official client, because parsing each Pod into typed models would cost more than
all other work on that Pod.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp

from mltask_operator import __version__
from mltask_operator.api import names
from mltask_operator.kube.credentials import Credentials
from mltask_operator.kube.errors import ApiError, Unreachable

Json = dict[str, Any]

USER_AGENT = f"mltask-operator/{__version__}"
MAX_POD_BYTES = 2**20
"""The limit of etcd is 1.5 MiB, including the status that the kubelet adds. The API server would
create a larger Pod, but the kubelet could not report that it runs or has ended."""
PAGE_SIZE = 500
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"


@dataclass(frozen=True)
class Patience:
    """How long requests may take, and how often and when reads are retried; times in seconds."""

    request_timeout: float = 30.0
    retries: int = 3
    retry_pause: float = 1.0


class Api:
    """The API server. Each method raises ApiError for a refusal, Unreachable for no answer."""

    def __init__(
        self,
        credentials: Credentials,
        before_write: Callable[[], None] | None = None,
        after_request: Callable[[str, int | None, float], None] | None = None,
        patience: Patience = Patience(),
    ) -> None:
        """Use these credentials. `before_write` runs before each write and may raise to forbid it.

        `after_request` receives the method, the status code (None without an answer) and the
        duration in seconds of each request.
        """
        self._credentials = credentials
        self._before_write = before_write
        self._after_request = after_request
        self._patience = patience
        self._session = credentials.session()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def create_pod(self, manifest: Json) -> Json:
        """Create the Pod and return it. A too large one raises ApiError 413 without a request."""
        if (size := len(json.dumps(manifest))) > MAX_POD_BYTES:
            raise ApiError(
                413,
                "RequestEntityTooLarge",
                f"the Pod would have {size} bytes, of at most {MAX_POD_BYTES}: put data into a "
                "volume (with steps, spec.env stands in each of them)",
            )
        return await self.request("POST", pods_path(manifest["metadata"]["namespace"]), manifest)

    async def get_pod(self, namespace: str, name: str) -> Json:
        """Return the Pod of this name."""
        return await self.request("GET", f"{pods_path(namespace)}/{name}")

    async def delete_pod(self, namespace: str, name: str, uid: str) -> Json:
        """Ask for the deletion of the Pod of this name and uid, and return its state after that."""
        return await self.request(
            "DELETE", f"{pods_path(namespace)}/{name}", {"preconditions": {"uid": uid}}
        )

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
            # Tracking field ownership is most of a patch's cost for the API server. No client reads
            # it on a Pod that is being deleted, and this value turns it off:
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
        path = f"{pods_path(namespace)}/{name}"
        return await self.request("PATCH", path, patch, content_type)

    async def get_task(self, namespace: str, name: str) -> Json:
        """Return the MLTask of this name."""
        return await self.request("GET", f"{tasks_path(namespace)}/{name}")

    async def delete_task(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """Delete the MLTask of this name, if it still has this uid and resourceVersion."""
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        await self.request(
            "DELETE", f"{tasks_path(namespace)}/{name}", {"preconditions": preconditions}
        )

    async def patch_status(
        self, namespace: str, name: str, resource_version: str, changes: Json
    ) -> Json:
        """Change fields of the MLTask's status if it still has this resourceVersion; return it."""
        patch = {"metadata": {"resourceVersion": resource_version}, "status": changes}
        return await self.request(
            "PATCH", f"{tasks_path(namespace)}/{name}/status", patch, MERGE_PATCH
        )

    async def create_event(self, event: Json) -> None:
        """Create a core/v1 Event. A 401 raises ApiError; only other requests reload credentials."""
        path = _path("/api/v1", event["metadata"]["namespace"], "events")
        response, answer = await self._send("POST", path, event, JSON)
        if response.status >= 300:
            raise ApiError.from_response(response.status, answer)

    async def priority_classes(self) -> list[Json]:
        """Return all PriorityClasses."""
        found = await self.ask("GET", "/apis/scheduling.k8s.io/v1/priorityclasses")
        items: list[Json] = found["items"]
        return items

    async def pages(
        self, path: str, label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[Json]:
        """Yield a list page by page: one consistent snapshot, read from a quorum of etcd."""
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        chosen = {name: text for name, text in selectors.items() if text}
        query = urlencode({"limit": PAGE_SIZE, **chosen})
        token = ""
        while True:
            page = await self.ask("GET", f"{path}?{query}{token}")
            yield page
            if not (following := page["metadata"].get("continue")):
                return
            token = f"&continue={following}"

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send a request that changes nothing; retry after 429, a server error or no answer."""
        left = self._patience.retries
        while True:
            try:
                return await self.request(method, path, body)
            except ApiError as error:
                if error.code != 429 and error.code < 500:
                    raise
                fault: OSError = error
                pause = max(self._patience.retry_pause, error.retry_after)
            except Unreachable as error:
                fault, pause = error, self._patience.retry_pause
            # Pause before the last error is raised too, because the caller may retry immediately.
            await asyncio.sleep(pause)
            if not left:
                raise fault
            left -= 1

    async def request(
        self, method: str, path: str, body: Json | None = None, content_type: str = JSON
    ) -> Json:
        """Send one request, again with reloaded credentials after a 401; return the object."""
        used = self._credentials.configuration
        response, answer = await self._send(method, path, body, content_type)
        if response.status == 401:
            await self._credentials.renew(used)
            response, answer = await self._send(method, path, body, content_type)
        if response.status >= 300:
            pause = response.headers.get("Retry-After", "")
            raise ApiError.from_response(response.status, answer, pause)
        found: Json = json.loads(answer)
        return found

    async def _send(
        self, method: str, path: str, body: Json | None, content_type: str
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        host = self._credentials.configuration.host
        if self._before_write and method != "GET":
            self._before_write()
        began, code = time.perf_counter(), None
        try:
            async with self._session.request(
                method,
                host + path,
                data=None if body is None else json.dumps(body),
                headers={"Content-Type": content_type, "User-Agent": USER_AGENT},
                ssl=self._credentials.tls,
                timeout=aiohttp.ClientTimeout(self._patience.request_timeout),
            ) as response:
                answer = await response.read()
                code = response.status
                return response, answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(
                f"the API server {host} gave no answer: {str(error) or type(error).__name__}"
            ) from error
        finally:
            if self._after_request:
                self._after_request(method, code, time.perf_counter() - began)


def tasks_path(namespace: str | None) -> str:
    """Return the path of the MLTasks of a namespace, or of all namespaces for None."""
    return _path(f"/apis/{names.API_VERSION}", namespace, names.PLURAL)


def pods_path(namespace: str | None) -> str:
    """Return the path of the Pods of a namespace, or of all namespaces for None."""
    return _path("/api/v1", namespace, "pods")


def _path(root: str, namespace: str | None, plural: str) -> str:
    return f"{root}/{plural}" if namespace is None else f"{root}/namespaces/{namespace}/{plural}"
