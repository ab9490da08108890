"""A leader that cannot renew its Lease ends before another replica can acquire it."""

import pytest

from localcluster import Cluster
from tests.chaos.replicas import LEASE_SECONDS, Replicas
from tests.waiting import BOUND

pytestmark = pytest.mark.api


def test_a_leader_without_an_api_server_ends_before_its_lease_does(
    replicas: Replicas, cluster: Cluster
) -> None:
    leader = replicas.start()
    replicas.wait_until_leader(leader, BOUND)
    cluster.stop_component("kube-apiserver")
    try:
        assert leader.wait(LEASE_SECONDS + 2) == 1
    finally:
        cluster.start_component("kube-apiserver")
