"""What `make audit` says, and what it calls a success."""

import json
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from localcluster.operator_process import free_port
from supplychain.audit import FOUND, LOCK, NOT_SCANNED, NOTHING_FOUND, scan, verdict

FLAW = {
    "id": "PYSEC-1",
    "summary": "a flaw",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "kopf"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999"}]}],
        }
    ],
}


class Advisories(ThreadingHTTPServer):
    """An advisory database that speaks OSV's protocol and knows flaws by package."""

    def __init__(self, flaws: dict[str, Any]) -> None:
        self.flaws = flaws
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def options(self) -> list[str]:
        """How pip-audit comes here."""
        return ["--vulnerability-service=osv", f"--osv-url=http://127.0.0.1:{self.server_port}/"]


class _Answer(BaseHTTPRequestHandler):
    server: Advisories

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.server.asked.append(name)
        flaws = self.server.flaws.get(name)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"vulns": [flaws]} if flaws else {}).encode())

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def advisories() -> Iterator[Advisories]:
    with Advisories({}) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_every_locked_package_is_asked_for(advisories: Advisories) -> None:
    status, told = scan(advisories.options)
    locked = {line.partition("==")[0] for line in LOCK.read_text().splitlines() if "==" in line}
    assert (status, set(advisories.asked)) == (NOTHING_FOUND, locked)
    assert f"{len(locked)} of {len(locked)} packages scanned, 0 known vulnerabilities" in told


def test_a_known_vulnerability_fails_and_is_named(advisories: Advisories) -> None:
    advisories.flaws["kopf"] = FLAW
    status, told = scan(advisories.options)
    assert status == FOUND
    assert "kopf " in told
    assert "PYSEC-1, mended in 999" in told


def test_a_database_out_of_reach_is_not_a_clean_bill() -> None:
    nowhere = f"--osv-url=http://127.0.0.1:{free_port()}/"
    status, told = scan(["--vulnerability-service=osv", nowhere])
    assert status == NOT_SCANNED
    assert told.startswith("Not scanned: ")


def test_a_package_that_was_passed_over_is_not_called_clean() -> None:
    clean: dict[str, Any] = {"name": "kopf", "version": "1", "vulns": []}
    passed_over = {"name": "click", "skip_reason": "not found on PyPI"}
    assert verdict([clean, passed_over]) == (
        NOT_SCANNED,
        "1 of 2 packages scanned, 0 known vulnerabilities\n"
        "The advisory database does not answer for click",
    )
    flawed = {**clean, "vulns": [{"id": "PYSEC-1", "fix_versions": []}]}
    assert verdict([flawed, passed_over])[0] == FOUND


def test_no_vulnerability_is_known_where_the_database_answers() -> None:
    status, told = scan([])
    assert status != FOUND, told
    if status == NOT_SCANNED:
        warnings.warn(told, stacklevel=1)
