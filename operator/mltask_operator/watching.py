"""Kopf: watches with retries, login, and the controller's start and stop.

The handlers only pass events to the controller. They return nothing and patch nothing, so Kopf
never writes to an object: `decide` asks for each write that the operator makes.
"""

import logging
from collections.abc import Sequence
from typing import Any

import kopf

from mltask_operator.access.credentials import Credentials
from mltask_operator.api import names
from mltask_operator.kube.kopf_session import session_for_kopf
from mltask_operator.runtime.controller import Controller
from mltask_operator.runtime.health import Health

LIST_PAGE_SIZE = 500
REQUEST_TIMEOUT_SECONDS = 30.0
LOGIN_BACKOFF_SECONDS = 5.0
STOP_SECONDS = 20.0
"""How long a stop may take, after a signal or an error. Then the process kills itself."""


async def watch(
    controller: Controller, credentials: Credentials, namespaces: Sequence[str], health: Health
) -> None:
    """Run until SIGTERM or SIGINT, and tell `health` once the controller has started.

    Raise if a watch fails for good, and TaskEnded if a background task ends that must not.
    """
    await kopf.operator(
        registry=_registry(controller, credentials, health),
        settings=_settings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=controller.tasks.has_failed,
    )
    controller.tasks.check()


def _registry(
    controller: Controller, credentials: Credentials, health: Health
) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    on_event = {
        names.PLURAL: controller.on_task_event,
        "pods": controller.on_pod_event,
        "resourcequotas": controller.on_quota_event,
    }

    def listed(plural: str, body: dict[str, Any]) -> None:
        on_event[plural](None, body)

    # Kopf retries a failed handler after a minute. A failed login is retried sooner. A failed start
    # ends the process, so that the kubelet restarts it.
    @kopf.on.login(registry=registry, backoff=LOGIN_BACKOFF_SECONDS)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return session_for_kopf(credentials, listed, controller.on_listing)

    @kopf.on.startup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def startup(**_: Any) -> None:
        await controller.start()
        health.note_started(controller.check_alive)

    @kopf.on.cleanup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def cleanup(**_: Any) -> None:
        await controller.stop()

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def task_seen(event: kopf.RawEvent, **_: Any) -> None:
        controller.on_task_event(event["type"], dict(event["object"]))

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def pod_seen(event: kopf.RawEvent, **_: Any) -> None:
        controller.on_pod_event(event["type"], dict(event["object"]))

    @kopf.on.event("", "v1", "resourcequotas", registry=registry)
    async def quota_seen(event: kopf.RawEvent, **_: Any) -> None:
        controller.on_quota_event(event["type"], dict(event["object"]))

    return registry


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    # The CRD exists before the start, and namespaces are given by name. Without Kopf's scans, the
    # operator needs no right to list namespaces or CRDs.
    settings.scanning.disabled = True
    settings.watching.label_selectors["v1", "pods"] = names.TASK_UID_LABEL
    settings.watching.chunk_size = LIST_PAGE_SIZE
    settings.networking.request_timeout = REQUEST_TIMEOUT_SECONDS
    settings.queueing.idle_timeout = 0.2
    # If a login fails while watches wait for it, they may never end, and Kopf waits for them.
    settings.process.ultimate_exiting_timeout = STOP_SECONDS
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    # Kopf logs a line for each call of a handler at INFO.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return settings


class _NoDiffBase(kopf.DiffBaseStorage):
    """No diffs: Kopf's default copies each object on each event, for handlers not used here."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """No progress: Kopf's default writes it into annotations; event handlers have none."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence
