"""Objects that cannot be read: each is set aside, and everything else proceeds.

A user may write an object that this version doesn't foresee. It must not end a listing, a watch or
the operator, since all namespaces share these.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

Body = dict[str, Any]
Record = Callable[[Body], str | None]

MOST_REMEMBERED = 1000
"""How many objects are remembered as logged: more would let a user fill the memory."""


class SetAside:
    """Counts and logs the objects that cannot be read, each of them once."""

    def __init__(self, count: Callable[[str], None]) -> None:
        """Call `count` with the kind of each object that is set aside."""
        self._count = count
        self._logged: OrderedDict[str, None] = OrderedDict()

    def guarded(self, kind: str, record: Record, key: Callable[[Body], str | None]) -> Record:
        """Return `record`, which then sets an object of this kind aside instead of raising.

        For such an object it returns `key` of it: what to requeue so that it is read again.
        """

        def guarded_record(body: Body) -> str | None:
            try:
                return record(body)
            except Exception as error:  # whatever is wrong with it, the others go on
                self._note(kind, body, error)
                return key(body)

        return guarded_record

    def _note(self, kind: str, body: Body, error: Exception) -> None:
        self._count(kind)
        metadata = body.get("metadata") or {}
        namespace, name = metadata.get("namespace"), metadata.get("name")
        identity = f"{kind}/{namespace}/{name}/{metadata.get('uid')}"
        if identity in self._logged:
            return
        self._logged[identity] = None
        if len(self._logged) > MOST_REMEMBERED:
            self._logged.popitem(last=False)
        logger.warning(
            "%s %s/%s: set aside: %s",
            kind,
            namespace,
            name,
            f"{type(error).__name__}: {error}"[:300],
            extra={"namespace": namespace, "task": name},
        )
