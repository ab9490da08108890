"""Scan what ships for known vulnerabilities, and tell "none found" from "nobody to ask".

pip-audit passes over each package that its advisory database does not answer for, and then ends
as if all were well: where the database is out of reach, that is every one of them.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
SECONDS = 120

NOTHING_FOUND, FOUND, NOT_SCANNED = range(3)
"""The exit status; what was found outweighs what could not be scanned."""


def scan(options: Sequence[str]) -> tuple[int, str]:
    """Scan the lock file; return the exit status, and what a person is told."""
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off"]
    # Every version is pinned, so nothing has to be resolved or downloaded.
    locked = ["--require-hashes", "--disable-pip", f"--requirement={LOCK}"]
    try:
        ended = subprocess.run(
            [*command, *locked, *options], capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return NOT_SCANNED, f"Not scanned: no answer within {SECONDS} s"
    if not ended.stdout:
        return NOT_SCANNED, f"Not scanned: {ended.stderr.strip().splitlines()[-1]}"
    return verdict(json.loads(ended.stdout)["dependencies"])


def verdict(packages: Sequence[dict[str, Any]]) -> tuple[int, str]:
    """Return the same for pip-audit's report of these packages."""
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}, mended in "
        f"{', '.join(flaw['fix_versions']) or 'no version yet'}"
        for package in packages
        for flaw in package.get("vulns", ())
    ]
    scanned = f"{len(packages) - len(skipped)} of {len(packages)} packages scanned"
    lines = [*found, f"{scanned}, {len(found)} known vulnerabilities"]
    if skipped:
        which = "any of them" if len(skipped) == len(packages) else ", ".join(skipped)
        lines.append(f"The advisory database does not answer for {which}")
    if found:
        return FOUND, "\n".join(lines)
    return NOT_SCANNED if skipped else NOTHING_FOUND, "\n".join(lines)


if __name__ == "__main__":
    status, told = scan(sys.argv[1:])
    print(told)
    sys.exit(status)
