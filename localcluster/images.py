"""Container images without a registry and without a container engine.

buildah builds a Dockerfile for real, in a store of its own in the cache folder, and keeps every
layer there, so that a build in which nothing changed takes a second. The base image is Debian with
its Python, made by mmdebstrap from Debian's packages. Both need root on Linux, as a real node does.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from . import cache, debian
from .errors import ClusterError

SUITE = "bookworm"
PACKAGES = "ca-certificates,python3,python3-venv"
NOT_NEEDED = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")
BASE_DOCKERFILE = 'FROM scratch\nADD base.tar /\nCMD ["python3"]\n'

CA_FOLDER = Path("/etc/ssl/certs")
CA_BUNDLE = CA_FOLDER / "ca-certificates.crt"


def base_image() -> str:
    """Make a Debian image with Python 3.11, unless it is there, and return its name for a `FROM`.

    `build` knows it by that name, nobody else does. Raises ClusterError.
    """
    recipe = f"{SUITE} {PACKAGES} {NOT_NEEDED} {BASE_DOCKERFILE}"
    name = f"localhost/python-base:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with _store() as store:
        if not store.has(name):
            with tempfile.TemporaryDirectory(prefix="python-base-") as folder:
                context = Path(folder)
                (context / "Dockerfile").write_text(BASE_DOCKERFILE)
                _debian_root(context / "base.tar")
                store.build(context, context / "Dockerfile", name)
    return name


def build(
    context: Path, dockerfile: Path, tag: str, build_args: Mapping[str, str] | None = None
) -> Path:
    """Build a Dockerfile and return the image as a docker-archive tar, for containerd to import.

    `tag` is the image's full name, such as `docker.io/library/mltask-operator:dev`; a Pod names it
    in short, `mltask-operator:dev`. The tar stays until a build under the same tag replaces it.
    Raises ClusterError with the last lines of the build.
    """
    arguments = [f"--build-arg={name}={value}" for name, value in (build_args or {}).items()]
    with _store() as store, _pip_configuration() as pip_configuration:
        # What this machine needs to reach its package index, for the build alone: of a file that
        # was mounted, the image keeps an empty one at most.
        mounts = [
            f"--volume={CA_FOLDER}:{CA_FOLDER}:ro",
            f"--volume={pip_configuration}:/etc/pip.conf:ro",
        ]
        image = store.build(context, dockerfile, tag, *arguments, *mounts)
        return store.archive(image, tag)


class _Store:
    """buildah's images and layers, in a folder of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.buildah = (
            "buildah",
            "--storage-driver=overlay",
            f"--root={folder / 'root'}",
            f"--runroot={folder / 'run'}",
        )

    def has(self, image: str) -> bool:
        inspected = subprocess.run(
            [*self.buildah, "inspect", "--type=image", image], capture_output=True
        )
        return inspected.returncode == 0

    def build(self, context: Path, dockerfile: Path, tag: str, *options: str) -> str:
        """Build an image and return its id."""
        print(f"Building the image {tag}", file=sys.stderr)
        with tempfile.NamedTemporaryFile(mode="r") as image_id:
            what = [f"--file={dockerfile}", f"--tag={tag}", f"--iidfile={image_id.name}"]
            how = ["--layers", "--isolation=chroot", "--network=host"]
            _run([*self.buildah, "build", *how, *what, *options, str(context)], steps="STEP ")
            return image_id.read().strip().removeprefix("sha256:")

    def archive(self, image: str, tag: str) -> Path:
        """Write the image as a tar, unless the tag's tar is of this very image already."""
        tar = self.folder / f"{re.sub('[/:]', '_', tag)}.tar"
        image_of_tar = tar.with_suffix(".id")
        if not (tar.exists() and image_of_tar.exists() and image_of_tar.read_text() == image):
            unfinished = tar.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            _run([*self.buildah, "push", "--quiet", image, f"docker-archive:{unfinished}:{tag}"])
            image_of_tar.unlink(missing_ok=True)
            unfinished.rename(tar)
            image_of_tar.write_text(image)
        return tar


@contextmanager
def _store() -> Iterator[_Store]:
    """Give the store to one build at a time, and leave no working container or mount in it."""
    if os.geteuid() != 0:
        raise ClusterError("Building images needs root on Linux, and so does a real node.")
    debian.require(
        "Building images", {name: debian.command(name) for name in ("buildah", "mmdebstrap")}
    )
    folder = cache.folder("images")
    with cache.locked(folder, "Building images"):
        store = _Store(folder)
        try:
            yield store
        finally:
            # Those of a build that was killed as well: who holds the lock builds alone.
            subprocess.run([*store.buildah, "rm", "--all"], capture_output=True)


@contextmanager
def _pip_configuration() -> Iterator[Path]:
    """Write a pip.conf with which a build reaches the package index that pip uses here."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    index = re.findall(
        r"^[\w:]+\.(index-url|extra-index-url|trusted-host|proxy)='(.*)'$", listed, re.MULTILINE
    )
    settings = dict(index) | ({"cert": str(CA_BUNDLE)} if CA_BUNDLE.exists() else {})
    with tempfile.NamedTemporaryFile(mode="w", suffix=".conf") as file:
        file.write("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        file.flush()
        Path(file.name).chmod(0o644)  # a RUN step need not be root's
        yield Path(file.name)


def _debian_root(tar: Path) -> None:
    """Write the file system of a small Debian with Python to a tar."""
    print(f"Making the base image: Debian {SUITE} with Python", file=sys.stderr)
    excluded = [f"--dpkgopt=path-exclude={pattern}" for pattern in NOT_NEEDED]
    # What a crash leaves is thrown away, so dpkg need not wait for the disk at each file.
    options = [f"--include={PACKAGES}", *excluded, "--dpkgopt=force-unsafe-io"]
    _run(["mmdebstrap", "--variant=minbase", *options, SUITE, str(tar)], steps="I: ")


def _run(command: list[str], steps: str = "STEP ") -> None:
    """Run a builder; show the lines that start with `steps`; ClusterError holds the last of all."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as builder:
        printed = []
        try:
            for line in builder.stdout or ():
                printed.append(line)
                if line.startswith(steps):
                    print(f"  {line.rstrip()}", file=sys.stderr, flush=True)
        except BaseException:
            builder.terminate()
            raise
    if builder.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed:\n{''.join(printed[-25:]).rstrip()}")
