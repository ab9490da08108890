"""An API server in memory that has a ResourceQuota."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from mltask_operator.kube.errors import ApiError
from tests.fake_api import FakeApi

Json = dict[str, Any]

FINAL = ("Succeeded", "Failed")


class QuotaApi(FakeApi):
    """An API server whose quota holds this many Pods that have not ended."""

    def __init__(self, clock: Callable[[], datetime], hard: int) -> None:
        super().__init__(clock)
        self.hard = hard
        self.others = 0
        """How many Pods of others use the quota."""
        self.on_ask: Callable[[str, bool], None] = lambda *_: None
        """Told of each creation: the task's uid, and whether there was room."""

    @property
    def used(self) -> int:
        own = sum(pod["status"]["phase"] not in FINAL for pod in self.pods.values())
        return own + self.others

    def quota(self, namespace: str) -> Json:
        bounds = {"pods": str(self.hard)}
        return {
            "metadata": {"namespace": namespace, "name": "compute"},
            "spec": {"hard": bounds},
            "status": {"hard": bounds, "used": {"pods": str(self.used)}},
        }

    def _create_pod(self, manifest: Json) -> Json:
        [owner] = manifest["metadata"]["ownerReferences"]
        has_room = self.used < self.hard
        self.on_ask(owner["uid"], has_room)
        if not has_room:
            words = f"requested: pods=1, used: pods={self.used}, limited: pods={self.hard}"
            raise ApiError(403, "Forbidden", f"exceeded quota: compute, {words}")
        return super()._create_pod(manifest)
