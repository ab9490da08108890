"""Every request that the operator makes beside Kopf's watches: JSON in, JSON out.

They go through the official client's ApiClient, below its typed methods: those would parse each
Pod into models, which costs more than all the rest of the work on it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.client.rest import RESTResponse

from mltask_operator import __version__
from mltask_operator.api import names
from mltask_operator.kube.credentials import Credentials
from mltask_operator.kube.errors import ApiError, Unreachable

Json = dict[str, Any]

REQUEST_TIMEOUT_SECONDS = 30
MAX_POD_BYTES = 2**20
"""etcd takes 1.5 MiB, and what the kubelet writes into a Pod's status must fit in beside it: one
that is larger could be created, and then nobody could tell of it that it runs or has ended."""
PAGE_SIZE = 500
ASK_AGAIN = 3
ASK_PAUSE_SECONDS = 1.0
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"


class Api:
    """The API server. Each method raises ApiError for a refusal, Unreachable for no answer."""

    def __init__(
        self, credentials: Credentials, before_write: Callable[[], None] | None = None
    ) -> None:
        """Speak with these credentials; `before_write` may forbid a write at the last moment."""
        self._credentials = credentials
        self._before_write = before_write
        self._client = self._new_client()
        self._renewal = asyncio.Lock()
        self._closing: set[asyncio.Future[None]] = set()

    def _new_client(self) -> ApiClient:
        client = ApiClient(self._credentials.configuration)
        client.user_agent = f"mltask-operator/{__version__}"
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def create_pod(self, manifest: Json) -> Json:
        """Create the Pod and return it. One that is too large is refused without a request."""
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
        """Put the tracking finalizer on the Pod of this name and uid, and return the Pod."""
        held = {"finalizers": [names.TRACKING_FINALIZER]}
        return await self._patch_pod(namespace, name, uid, held)

    async def release_pod(self, namespace: str, name: str, uid: str) -> Json:
        """Take the tracking finalizer off the Pod of this name and uid, and return the Pod."""
        # Takes off the one finalizer, whatever others came or went meanwhile.
        released = {"$deleteFromPrimitiveList/finalizers": [names.TRACKING_FINALIZER]}
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

    async def priority_classes(self) -> list[Json]:
        """Return all PriorityClasses."""
        found: list[Json] = (
            await self.request("GET", "/apis/scheduling.k8s.io/v1/priorityclasses")
        )["items"]
        return found

    async def pages(
        self, path: str, label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[Json]:
        """Yield a listing page by page, all of one moment, read from a quorum of etcd."""
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
        """Send a request that changes nothing, a few times where it may be the moment's fault."""
        for _ in range(ASK_AGAIN):
            try:
                return await self.request(method, path, body)
            except ApiError as error:
                if error.code != 429 and error.code < 500:
                    raise
                pause = max(ASK_PAUSE_SECONDS, error.retry_after)
            except Unreachable:
                pause = ASK_PAUSE_SECONDS
            await asyncio.sleep(pause)
        return await self.request(method, path, body)

    async def request(
        self, method: str, path: str, body: Json | None = None, content_type: str | None = None
    ) -> Json:
        """Send one request and return the object that came back."""
        client = self._client
        response = await self._send(client, method, path, body, content_type)
        if response.status == 401:
            await self._renew(client)
            response = await self._send(self._client, method, path, body, content_type)
        answer = await response.read()
        if response.status >= 300:
            pause = response.headers.get("Retry-After", "")
            raise ApiError.from_response(response.status, answer, pause)
        found: Json = json.loads(answer)
        return found

    async def _renew(self, refused: ApiClient) -> None:
        """Replace the client whose credentials were refused, once for all who used it."""
        async with self._renewal:
            if self._client is refused:
                await self._credentials.renew(refused.configuration)
                self._client = self._new_client()
                # Others may still wait for its answers, as long as a request may take.
                loop = asyncio.get_running_loop()
                loop.call_later(REQUEST_TIMEOUT_SECONDS, self._close_later, refused)

    def _close_later(self, outdated: ApiClient) -> None:
        task = asyncio.ensure_future(outdated.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _send(
        self,
        client: ApiClient,
        method: str,
        path: str,
        body: Json | None,
        content_type: str | None,
    ) -> RESTResponse:
        headers = dict(client.default_headers)
        await client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        if content_type:
            headers["Content-Type"] = content_type
        if self._before_write and method != "GET":
            self._before_write()
        try:
            response = await client.call_api(
                method,
                client.configuration.host + path,
                headers,
                body,
                _request_timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS),
            )
            await response.read()
            return response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(
                f"the API server {client.configuration.host} gave no answer: "
                f"{str(error) or type(error).__name__}"
            ) from error


def tasks_path(namespace: str | None) -> str:
    """Return the path of the MLTasks of a namespace, or of all namespaces for None."""
    return _path(f"/apis/{names.API_VERSION}", namespace, names.PLURAL)


def pods_path(namespace: str | None) -> str:
    """Return the path of the Pods of a namespace, or of all namespaces for None."""
    return _path("/api/v1", namespace, "pods")


def _path(root: str, namespace: str | None, plural: str) -> str:
    return f"{root}/{plural}" if namespace is None else f"{root}/namespaces/{namespace}/{plural}"
