"""What the runtime asks of an API server: `kube.api.Api`, or one in memory."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

Json = dict[str, Any]


class Server(Protocol):
    """The requests that are made for tasks; `kube.api.Api` says what each does and raises."""

    async def create_pod(self, manifest: Json) -> Json: ...

    async def get_pod(self, namespace: str, name: str) -> Json: ...

    async def delete_pod(self, namespace: str, name: str, uid: str) -> Json: ...

    async def hold_pod(self, namespace: str, name: str, uid: str) -> Json: ...

    async def release_pod(
        self, namespace: str, name: str, uid: str, *, is_being_deleted: bool = False
    ) -> Json: ...

    async def label_pod(self, namespace: str, name: str, uid: str, labels: Json) -> Json: ...

    async def get_task(self, namespace: str, name: str) -> Json: ...

    async def delete_task(
        self, namespace: str, name: str, uid: str, resource_version: str
    ) -> None: ...

    async def create_event(self, event: Json) -> None: ...

    async def priority_classes(self) -> list[Json]: ...

    async def patch_status(
        self, namespace: str, name: str, resource_version: str, changes: Json
    ) -> Json: ...

    def pages(
        self, path: str, label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[Json]: ...
