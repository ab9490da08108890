"""The requests that the runtime makes: to `kube.api.Api`, or to an API server in memory."""

from collections.abc import Callable
from typing import Any, Protocol

Json = dict[str, Any]


class Server(Protocol):
    """The requests that are made for tasks; `kube.api.Api` says what each does and raises."""

    async def create_pod(self, namespace: str, manifest: str) -> Json: ...

    async def get_pod(self, namespace: str, name: str) -> Json: ...

    async def delete_pod(self, namespace: str, name: str, uid: str) -> Json: ...

    async def hold_pod(self, namespace: str, name: str, uid: str) -> Json: ...

    async def release_pod(
        self, namespace: str, name: str, uid: str, *, is_being_deleted: bool = False
    ) -> Json: ...

    async def label_pod(self, namespace: str, name: str, uid: str, labels: Json) -> Json: ...

    async def get_task(self, namespace: str, name: str) -> Json: ...

    async def get_task_spec(self, namespace: str, name: str, uid: str) -> Json | None: ...

    async def delete_task(
        self, namespace: str, name: str, uid: str, resource_version: str
    ) -> None: ...

    async def create_event(self, event: Json) -> None: ...

    async def priority_classes(self) -> list[Json]: ...

    async def patch_status(
        self, namespace: str, name: str, resource_version: str, changes: Json
    ) -> Json: ...

    async def list(
        self,
        path: str,
        take: Callable[[Json], object],
        label_selector: str = "",
        field_selector: str = "",
    ) -> int: ...
