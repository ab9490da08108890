"""What a container writes forges no line of the operator's log, and reaches no terminal."""

from datetime import UTC, datetime

from tests.api.kubelet import container
from tests.api.team import Json, manifest
from tests.attack.log import forged_lines, tracebacks
from tests.attack.record import OUTPUT, Record
from tests.attack.scene import Scene

LIE = "2026-01-01 00:00:00,000 ERROR The operator stops"
MESSAGE = f"boom\n{LIE}\r\x1b[2J\x1b]0;title\x07\x9b31m\u2028\u202e\x00".replace("\x00", "")
NOWHERE = {"spec": {"nodeSelector": {"example.com/no": "such-node"}}}


def report(scene: Scene, pod: str, **status: object) -> None:
    """Write the Pod's status, as its kubelet would."""
    path = f"{scene.attacker.path('pods', pod)}/status"
    scene.attacker.client.send("PATCH", path, {"status": status})


def terminated(exit_code: int) -> Json:
    """Return the state of a container that ended with the message."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    ended = {"exitCode": exit_code, "reason": "Error", "message": MESSAGE}
    return {"terminated": {**ended, "startedAt": now, "finishedAt": now}}


def test_line_breaks_and_escapes(scene: Scene, record: Record) -> None:
    with record.attack(OUTPUT, "messages with line breaks and terminal escapes") as attack:
        operator = scene.start()
        for name in ("fails", "succeeds", "waits"):
            # No node gets these Pods, so only this test writes their status.
            scene.attacker.apply(manifest(name, template=NOWHERE))
        pods = {
            n: scene.attacker.pod_of(n)["metadata"]["name"] for n in ("fails", "succeeds", "waits")
        }
        waiting = {"waiting": {"reason": "ErrImagePull", "message": MESSAGE}}
        report(scene, pods["waits"], containerStatuses=[container(waiting)])
        report(
            scene,
            pods["fails"],
            phase="Failed",
            reason="Evicted",
            message=MESSAGE,
            containerStatuses=[container(terminated(3))],
        )
        report(
            scene,
            pods["succeeds"],
            phase="Succeeded",
            containerStatuses=[container(terminated(0))],
        )
        for name in ("fails", "succeeds"):
            scene.attacker.wait(name, "condition=Finished")
        scene.probe(attack)
        forged = forged_lines(operator)
        attack.seen = f"{len(forged)} forged log lines"
        assert forged == []
        assert tracebacks(operator) == 0, operator.log_tail()
