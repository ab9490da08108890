"""Forged Pods and quotas: a seeded generator of whatever a tenant may write into them."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, cycle, repeat
from typing import Any

from tests.api.team import Json

API_VERSION, KIND = "mltask.dev/v1alpha1", "MLTask"
Change = Callable[[Json], None]

TASK, UID, ATTEMPT = "mltask.dev/task", "mltask.dev/task-uid", "mltask.dev/attempt"
TRACKING, OTHERS = "mltask.dev/tracking", "example.com/kept"
TRAVERSAL = "../../../../../api/v1/namespaces/kube-system/secrets/x"
NAMES = (
    "x/y",
    "?watch=true",
    TRAVERSAL,
    TRAVERSAL.replace("/", "%2f"),
    "%2e%2e",
    "..",
    ".",
    "x?fieldManager=y#z",
    "x\r\ny: z",
    "\u202ex",
    "X" * 5000,
    "no-such-task",
)
"""Names of owners: the API server only requires that there is one."""
NUMBERS = ("99999999999999999999999", "9" * 19, "4294967297", "1000000000", "7", "0", "-1", "01")
GRACES = (0, 1, 30, 10**9, 10**11)
"""Seconds. The API server stores the end of the last as a date in the year 5195."""


def _reference(
    name: str, uid: str = "u1", kind: str = KIND, api: str = API_VERSION, *, controller: bool = True
) -> Json:
    named = {"apiVersion": api, "kind": kind, "name": name, "uid": uid}
    return {**named, "controller": controller}


WORST = (
    [],
    *([_reference(name)] for name in ("x/y", TRAVERSAL, "?watch=true")),
)
KNOWN: Sequence[Json] = [
    {"labels": {TASK: "", UID: "u1"}, "ownerReferences": owners, "finalizers": [OTHERS]}
    for owners in WORST
]
"""Metadata that stopped or delayed the operator once. The finalizer keeps the garbage collector
from removing the Pod, whose owner does not exist."""


def pods(lot: random.Random, count: int, own: Json, foreign: Json) -> Iterator[Json]:
    """Yield forged Pods.

    `own` and `foreign` are MLTasks: one of the attacker's namespace, one of another. Each value
    of each part comes before any of them comes again.
    """
    parts: Sequence[Iterator[Change]] = [
        _in_turn(lot, [_labels(*marks) for marks in _marks(own, foreign)]),
        _in_turn(lot, [_owners(owners) for owners in _references(own, foreign)]),
        _once(lot, [_name(name) for name in _pod_names(own, foreign)]),
        _in_turn(lot, [_finalizers(*f) for f in ((), (TRACKING,), (OTHERS,), (TRACKING, OTHERS))]),
        _in_turn(lot, [_spec(terminationGracePeriodSeconds=grace) for grace in GRACES]),
        _in_turn(lot, [_spec(**spec) for spec in _specs()]),
    ]
    for number in range(count):
        body: Json = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"forged-{number}"},
            "spec": {"containers": [{"name": "main", "image": "forged:1"}]},
        }
        for part in parts:
            next(part)(body)
        if number < len(KNOWN):
            body["metadata"].update(KNOWN[number])
        yield body


def quotas(lot: random.Random, entries: int) -> Iterator[Json]:
    """Yield ResourceQuotas with odd amounts, and one with so many entries."""
    amounts = ("1e300", "-1e300", "1e-300", "0", "-1", "9" * 60, "9999999999E", "1n", "0.1m")
    for number, amount in enumerate(lot.sample(amounts, len(amounts))):
        yield quota(f"odd-{number}", {"requests.example.com/x": amount})
    yield quota("long", {f"count/x{n}.example.com": str(n) for n in range(entries)})


def quota(name: str, hard: Json) -> Json:
    """Return a ResourceQuota with these amounts."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name},
        "spec": {"hard": hard},
    }


def odd_tasks() -> Iterator[Json]:
    """Yield MLTasks with numbers far outside their usual range."""
    numbers = (2**63 - 1, 2**31 - 1, 10**12)
    for number in numbers:
        for field in ("activeDeadlineSeconds", "pendingDeadlineSeconds", "ttlSecondsAfterFinished"):
            yield _task(f"{field.lower()}-{number}", **{field: number})
        yield _task(f"backoff-{number}", backoffLimit=number)
    for number, amount in enumerate(("1e300", "9" * 60, "1e-300", "9999999999E")):
        requests = {"cpu": amount, "memory": amount, "example.com/x": amount}
        yield _task(f"amount-{number}", resources={"requests": requests})


def _task(name: str, **spec: Any) -> Json:
    small = {"requests": {"cpu": "1m"}}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {"image": "trainer:1", "resources": small, **spec},
    }


def _marks(own: Json, foreign: Json) -> Iterator[tuple[str | None, str | None]]:
    yield "", "u1"
    yield "", ""
    yield None, None
    yield None, "u1"
    yield "A_b.c", "not-a-uid"
    yield "a" * 63, "0" * 63
    for task in (own, foreign):
        yield task["metadata"]["name"], task["metadata"]["uid"]
    yield own["metadata"]["name"], foreign["metadata"]["uid"]


def _references(own: Json, foreign: Json) -> Iterator[list[Json]]:
    yield []
    for name in NAMES:
        yield [_reference(name)]
    for task in (own, foreign):
        yield [_reference(task["metadata"]["name"], task["metadata"]["uid"])]
    yield [_reference(own["metadata"]["name"], uid="../x")]
    yield [_reference("x", kind="Job", api="batch/v1")]
    yield [_reference("x", controller=False), _reference(TRAVERSAL)]
    yield [_reference(f"o-{n}", uid=f"u{n}", controller=n == 99) for n in range(100)]


def _pod_names(own: Json, foreign: Json) -> Iterator[str]:
    for task in (own, foreign):
        stem = f"{task['metadata']['name']}-{task['metadata']['uid'][:8]}"
        yield f"{stem}-1"
        for number in NUMBERS:
            yield f"{stem}-{number}"


def _specs() -> Iterator[Json]:
    gated = {"schedulingGates": [{"name": "example.com/never"}]}
    yield from [gated] * 5  # a Pod that never runs costs little
    yield {}
    yield {"nodeName": "no-such-node"}
    yield {**gated, "activeDeadlineSeconds": 2**31 - 1, "hostNetwork": True}
    yield {**gated, "initContainers": [{"name": f"i{n}", "image": "x"} for n in range(20)]}
    yield {"restartPolicy": "Never", "priorityClassName": "system-node-critical"}


def _in_turn(lot: random.Random, values: Sequence[Change]) -> Iterator[Change]:
    return cycle(lot.sample(values, len(values)))


def _once(lot: random.Random, values: Sequence[Change]) -> Iterator[Change]:
    """Yield each value once, mixed with as many that change nothing, and then only these."""
    mixed = [*values, *(_nothing for _ in values)]
    return chain(lot.sample(mixed, len(mixed)), repeat(_nothing))


def _nothing(body: Json) -> None:
    """Leave the Pod as it is."""


def _labels(task: str | None, uid: str | None) -> Change:
    values = {TASK: task, UID: uid, ATTEMPT: None if uid is None else "99999999999999999999999"}
    labels = {key: value for key, value in values.items() if value is not None}
    return lambda body: body["metadata"].update(labels=labels)


def _owners(references: list[Json]) -> Change:
    return lambda body: body["metadata"].update(ownerReferences=references)


def _name(name: str) -> Change:
    return lambda body: body["metadata"].update(name=name)


def _finalizers(*finalizers: str) -> Change:
    return lambda body: body["metadata"].update(finalizers=list(finalizers))


def _spec(**fields: Any) -> Change:
    return lambda body: body["spec"].update(fields)
