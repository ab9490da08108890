"""A process that runs a cluster, and a Pod in it, until it is told to end.

python -m tests.localcluster.owner KIND SECONDS: the Pod sleeps that long. Prints the cluster's id.
"""

import signal
import sys

from localcluster import Cluster, busybox

kind, seconds = sys.argv[1:]
with Cluster.start(real_node=kind == "real") as cluster:
    image = f"--image={busybox.BUSYBOX[0]}"
    # An open connection holds on to the network of both its ends.
    script = f"sleep {seconds} | nc $KUBERNETES_SERVICE_HOST 443"
    cluster.kubectl("run", "pod", image, "--restart=Never", "--", "sh", "-c", script)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/pod", "--timeout=60s")
    sys.stdout.write(f"{cluster.state.name}\n")
    sys.stdout.flush()
    signal.pause()
