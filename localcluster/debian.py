"""Programs and libraries that come from Debian: installed where that is allowed, else asked for."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from . import cache
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


def unpacked(package: str) -> Path:
    """Return a folder with the package's files: fetched once, and not installed.

    Raises ClusterError where it cannot be had.
    """
    folder = cache.folder(f"debian-{package}")
    with cache.locked(folder, package):
        files = folder / "files"
        if not files.exists():
            _unpack(package, folder, files)
    return files


def _unpack(package: str, folder: Path, files: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _run("apt-get", "-qq", "download", package, cwd=scratch)
        [archive] = Path(scratch).glob("*.deb")
        _run("dpkg-deb", "--extract", str(archive), "files", cwd=scratch)
        (Path(scratch) / "files").rename(files)


def _run(*command: str, cwd: str) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)
    except OSError as error:
        raise ClusterError(f"{command[0]} is Debian's, and is not here: {error}") from error
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"`{' '.join(command)}` failed: {error.stderr}") from error


def _apt_get(*arguments: str) -> int:
    return subprocess.run(
        # Somebody else may be installing at this moment.
        ["apt-get", "-qq", "-o=DPkg::Lock::Timeout=300", "-o=Dpkg::Use-Pty=0", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    ).returncode
