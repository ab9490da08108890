"""Exec plugins: programs that print a credential, or fail, or are slow, or hang."""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from mltask_operator.access.credentials import Credentials, NoCredentials
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import Unreachable
from mltask_operator.kube.lease import Lease
from tests.unit.api_server import ApiServer, Json, object_at, write_kubeconfig
from tests.waiting import BOUND, wait_until

VERSION = "client.authentication.k8s.io/v1"
COUNT = "n=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n > n; "
"""Counts the runs of the plugin in a file."""


def prints(**status: object) -> str:
    """Return a script that prints this credential; $n in it is the number of the run."""
    answer = json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})
    return f"cat <<END\n{answer}\nEND\n"


def prints_token(token: str, **more: object) -> str:
    """Return a script that prints this token."""
    return prints(**{"token": token, **more})


TOKEN = prints_token("token$n")


def written(name: str) -> str:
    """Return what the plugin has written into a file of its folder."""
    return Path(name).read_text().strip()


Write = Callable[..., None]


@pytest.fixture
def write(
    server: ApiServer, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Write:
    """Writes a kubeconfig whose plugin is a shell script, with more fields of `exec`."""
    monkeypatch.chdir(tmp_path)

    def write(script: str, **more: object) -> None:
        plugin = {"apiVersion": VERSION, "command": "sh", "args": ["-c", COUNT + script], **more}
        write_kubeconfig(kubeconfig, server.url, {"exec": plugin})

    return write


async def loaded(plugin_seconds: float = BOUND) -> Credentials:
    credentials = Credentials(reload_pause=0, plugin_seconds=plugin_seconds)
    await credentials.load()
    return credentials


async def why_not(plugin_seconds: float = BOUND) -> str:
    with pytest.raises(NoCredentials) as raised:
        await loaded(plugin_seconds)
    text = str(raised.value)
    assert text.isprintable()
    assert "s3cret" not in text
    return text


async def test_its_token_is_used(write: Write) -> None:
    write(TOKEN)
    assert await (await loaded()).current.authorization() == "Bearer token1"


async def test_its_certificate_is_used(write: Write, certificates: Path) -> None:
    pems = [(certificates / f"first.{end}").read_text() for end in ("crt", "key")]
    write(prints(clientCertificateData=pems[0], clientKeyData=pems[1]))
    assert await (await loaded()).current.authorization() is None


async def test_it_gets_its_variables_and_no_terminal(write: Write) -> None:
    env = [{"name": "PROFILE", "value": "corp"}]
    write("echo $PROFILE $KUBERNETES_EXEC_INFO > seen; cat >> seen;" + TOKEN, env=env)
    await loaded()
    profile, _, info = written("seen").partition(" ")
    assert profile == "corp"
    assert json.loads(info)["spec"] == {"interactive": False}


async def test_a_path_is_taken_from_the_kubeconfigs_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin").write_text(f"#!/bin/sh\n{TOKEN}")
    (tmp_path / "plugin").chmod(0o755)
    write("", command="./plugin", args=None)
    monkeypatch.chdir("/")
    assert await (await loaded()).current.authorization() == "Bearer token"


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("echo 'no \x1b[2J\nSSO' >&2; exit 255", r"exit code 255: no \x1b[2J\nSSO"),
        ("yes | head -c 1000000 >&2; exit 3", "exit code 3: y"),
        ("echo s3cret", f"printed no ExecCredential {VERSION}"),
        ("echo '[\"s3cret\"]'", "printed no ExecCredential"),
        ("yes s3cret | head -c 4000000", "printed no ExecCredential"),
        (prints(), "printed no ExecCredential"),
        (prints(clientCertificateData="s3cret"), "printed no ExecCredential"),
        (prints_token("s3cret").replace("k8s.io/v1", "k8s.io/v2"), "printed no ExecCredential"),
        (prints_token("s3cret", expirationTimestamp="soon"), "printed no ExecCredential"),
        (prints_token("s3cret\nmore").replace("$", ""), "characters that no token has"),
    ],
)
async def test_a_plugin_that_fails_is_told_in_a_line(
    write: Write, kubeconfig: Path, script: str, fault: str
) -> None:
    write(script)
    text = await why_not()
    assert text.startswith(f"no usable credentials in {kubeconfig}: ")
    assert fault in text
    assert len(text) < 1500


@pytest.mark.parametrize(
    ("plugin", "fault"),
    [
        ({"command": "no-such-plugin", "installHint": "brew install it"}, "(brew install it)"),
        ({"command": "no-such-plugin"}, "no-such-plugin cannot be started: No such file"),
        ({"interactiveMode": "Always"}, "needs a terminal"),
        ({"command": None}, "exec needs a command and an apiVersion"),
        ({"args": [1]}, "cannot be started"),
        ({"env": [{"name": "A"}]}, "cannot be started"),
    ],
)
async def test_a_plugin_that_cannot_run_is_told(write: Write, plugin: Json, fault: str) -> None:
    write(TOKEN, **plugin)
    assert fault in await why_not()


async def test_a_plugin_that_hangs_is_killed_with_its_children(write: Write) -> None:
    write("sleep 600 & echo $! > child; wait")
    assert "did not end within 0.5 s" in await why_not(plugin_seconds=0.5)
    child = int(written("child"))
    await asyncio.to_thread(wait_until, lambda: not is_running(child), "the child is gone")


def is_running(pid: int) -> bool:
    """Return whether the process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# Renewal


def accept(server: ApiServer, *tokens: str) -> None:
    """Have the server accept these tokens, and refuse what comes without one, as RBAC does."""

    async def answer(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            return web.json_response({"message": 'User "system:anonymous" cannot'}, status=403)
        status = 200 if given in tokens else 401
        return web.json_response({**object_at(request.path), "spec": {}}, status=status)

    server.answer = answer


async def test_after_a_plugin_that_failed_once_the_next_request_succeeds(
    write: Write, server: ApiServer
) -> None:
    write("[ $n = 2 ] && { echo throttled >&2; exit 255; };" + TOKEN)
    accept(server, "token3")
    async with Api(await loaded()) as api:
        with pytest.raises(Unreachable, match=r"rejects the credentials.*255: throttled"):
            await api.get_pod("team-a", "train-1")
        assert (await api.get_pod("team-a", "train-1"))["kind"] == "Pod"


async def test_a_slow_plugin_finishes_although_each_request_waits_for_a_short_time(
    write: Write, server: ApiServer
) -> None:
    """A renewal of the Lease waits for a third of its seconds."""
    write("[ $n -gt 1 ] && sleep 0.5;" + TOKEN)
    accept(server, "token2")
    credentials = await loaded()
    async with Api(credentials) as api:
        lease = Lease(api, "system", "operator", "me", 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await api.get_pod("team-a", "train-1")
        async with asyncio.timeout(BOUND):
            while await credentials.current.authorization() == "Bearer token1":
                with contextlib.suppress(OSError):
                    async with asyncio.timeout(0.2):
                        await lease.acquire()
        assert (await api.get_pod("team-a", "train-1"))["kind"] == "Pod"
    assert written("n") == "2"


async def test_a_hanging_plugin_does_not_block_requests_with_a_token_that_is_accepted(
    write: Write, server: ApiServer
) -> None:
    write("[ $n -gt 1 ] && sleep 600;" + TOKEN)
    accept(server, "token1")
    credentials = await loaded()
    renewal = asyncio.create_task(credentials.renew(credentials.current))
    async with Api(credentials) as api, asyncio.timeout(BOUND):
        assert (await api.get_pod("team-a", "train-1"))["kind"] == "Pod"
    renewal.cancel()
    await credentials.close()


async def test_a_token_is_renewed_before_it_expires(write: Write, server: ApiServer) -> None:
    expiry = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    write(prints_token("token$n", expirationTimestamp=expiry))
    accept(server, "token1", "token2", "token3")
    credentials = await loaded()
    async with Api(credentials) as api, asyncio.timeout(BOUND):
        while await credentials.current.authorization() == "Bearer token1":
            await api.get_pod("team-a", "train-1")
            await asyncio.sleep(0.05)
    await credentials.close()
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer token1"}


async def test_nothing_of_a_token_is_logged(
    write: Write, server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    write("echo s3cret; [ $n = 1 ] || exit 1")
    await why_not()
    assert not re.search("s3cret", caplog.text)
