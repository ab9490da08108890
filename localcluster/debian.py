"""Programs and libraries that come from Debian: installed where that is allowed, else asked for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

from .errors import ClusterError


def require(purpose: str, packages: Mapping[str, Callable[[], object]]) -> None:
    """Make sure that every package is there, by apt-get where this is Debian and we are root.

    `packages` maps a package's name to a check that is true when what it brings can be used, from
    wherever it came. Raises ClusterError, naming `purpose` and the packages, where one is missing.
    """
    missing = [name for name, is_there in packages.items() if not is_there()]
    if not missing:
        return
    hint = f"apt-get install --yes {' '.join(missing)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ClusterError(
            f"{purpose} needs {', '.join(missing)} (so Debian calls the packages). "
            f"Install what is missing, on Debian with: sudo {hint}"
        )
    print(f"{purpose}: {hint}", file=sys.stderr, flush=True)
    # A new container image has no package lists at all, an old one has lists of packages that are
    # gone; to update costs seconds, so only when the lists at hand do not do.
    if _apt_get("install", *missing) != 0:
        _apt_get("update")
        if _apt_get("install", *missing) != 0:
            raise ClusterError(f"{purpose}: `{hint}` failed, see its output above.")


def command(name: str) -> Callable[[], object]:
    """Return a check for a program of this name on the PATH."""
    return lambda: shutil.which(name)


def _apt_get(*arguments: str) -> int:
    return subprocess.run(
        # Somebody else may be installing at this moment.
        ["apt-get", "-qq", "-o=DPkg::Lock::Timeout=300", "-o=Dpkg::Use-Pty=0", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    ).returncode
