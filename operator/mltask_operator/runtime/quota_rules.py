"""Quota rules: which demands each ResourceQuota of a namespace concerns.

A Pod counts for more than its manifest says: a LimitRange adds requests, a RuntimeClass overhead,
a webhook containers. The operator has no right to read these. It learns from the API server what
admission adds in a namespace: from each created Pod and from each refusal.
"""

from mltask_operator.lifecycle.quota_demand import CATCH_ALL, Demand, bounded
from mltask_operator.lifecycle.quota_scopes import Scopes, covers

_NOTHING: frozenset[str] = frozenset()


class QuotaRules:
    """What is known of the quotas and the admission of one namespace."""

    def __init__(self, default_class: str | None) -> None:
        """Know no quotas. `default_class` is the default PriorityClass as the operator listed it.

        Without the right to list them, the operator learns the default from created Pods.
        """
        self._scopes: dict[str, Scopes] = {}
        self._default_class = default_class
        self._class_of_pods: str | None = None
        self._added: dict[str | None, frozenset[str]] = {}
        """The resources that admission adds to Pods, by their RuntimeClass."""

    def concerns(self, quota: str, demand: Demand) -> bool:
        """Return whether the quota counts Pods of this demand. An unknown quota counts all."""
        scopes = self._scopes.get(quota, ())
        return not scopes or covers(scopes, demand, self._default_class or self._class_of_pods)

    def resources(self, demand: Demand) -> frozenset[str]:
        """Return the resources that Pods of this demand count for once they are admitted."""
        return demand.resources | self._added.get(demand.runtime_class, _NOTHING)

    def note_scopes(self, quota: str, scopes: Scopes) -> bool:
        """Note the scopes of a quota: none for one that is gone. Return whether that is news."""
        before = self._scopes.pop(quota, ())
        if scopes:
            self._scopes[quota] = scopes
        return scopes != before

    def note_default_class(self, name: str | None) -> bool:
        """Note the default PriorityClass as it was listed. Return whether that is news."""
        before, self._default_class = self._default_class, name
        return before != name

    def note_refused(self, demand: Demand, resources: frozenset[str]) -> None:
        """Note that a Pod of this demand was refused for these resources, so it counts for them."""
        if added := resources - demand.resources - {CATCH_ALL}:
            self._add(demand, self._added.get(demand.runtime_class, _NOTHING) | added)

    def note_created(self, demand: Demand, admitted: Demand) -> bool:
        """Note the demand of a Pod as it was created and as it was admitted.

        Return whether some quotas now concern fewer demands than before.
        """
        before, default = self._added.get(demand.runtime_class, _NOTHING), self._class_of_pods
        if CATCH_ALL not in demand.resources:
            new = admitted.resources - demand.resources - {CATCH_ALL}
            self._add(demand, (before & admitted.resources) | new)
        if demand.priority_class is None:
            self._class_of_pods = admitted.priority_class
        now = self._added.get(demand.runtime_class, _NOTHING)
        return not before <= now or default != self._class_of_pods

    def _add(self, demand: Demand, resources: frozenset[str]) -> None:
        if resources:
            self._added[demand.runtime_class] = bounded(resources)
        else:
            self._added.pop(demand.runtime_class, None)
