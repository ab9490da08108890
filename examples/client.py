"""MLTasks from Python, cell by cell as in a notebook. With your kubeconfig: python client.py."""

# %% A task: what it runs, and what it needs. The image's own Python would do as well as a shell.
import json

from mltask import Client, MLTask, TaskFailed, new_task

SCRIPT = (
    'echo "training with $LR"; echo "{\\"accuracy\\": 0.9, \\"lr\\": $LR}" > /dev/termination-log'
)


def training(lr: float) -> MLTask:
    """Return a task that trains with this learning rate."""
    return new_task(
        "train-",  # the API server completes the name
        "busybox:1.37",
        ["sh", "-c", SCRIPT],
        requests={"cpu": "100m", "memory": "32Mi"},
        env={"LR": str(lr)},
        active_deadline_seconds=600,
    )


# %% Submit it, wait for its end, read its result.
client = Client()
task = client.submit(training(0.1))
print("submitted", task.metadata.name)
finished = client.wait(task, timeout=600)
print(finished.status.duration, json.loads(finished.status.result))

# %% Several at once: all are submitted, and then waited for.
tasks = [client.submit(training(lr)) for lr in (0.01, 0.001)]
for task in tasks:
    print(client.wait(task, timeout=600).status.result.strip())

# %% A failure is an exception that has the evidence.
failing = new_task(
    "fail-", "busybox:1.37", ["sh", "-c", "echo no data; exit 3"], requests={"cpu": "10m"}
)
try:
    client.wait(client.submit(failing), timeout=600)
except TaskFailed as failure:
    print(failure.reason, failure.exit_code, failure.log_tail.strip())
client.close()
