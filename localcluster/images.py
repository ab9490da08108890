"""Container images without a registry and without a container engine.

buildah builds a Dockerfile for real, in a store of its own in the cache folder, and keeps every
layer there, so that a build in which nothing changed takes a second. The base image is Debian with
its Python, made by mmdebstrap from Debian's packages. Both need root on Linux, as a real node does.
Layers of earlier builds stay until the folder `images` in the cache folder is deleted.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from . import cache, debian
from .errors import ClusterError

DEBIAN = (
    "mmdebstrap",
    "--variant=minbase",
    # usr-is-merged with its hook, or Debian takes usrmerge, which brings the whole of Perl.
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    "--include=usr-is-merged,ca-certificates,python3,python3-venv",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    # What a crash leaves is thrown away, so dpkg need not wait for the disk at each file.
    "--dpkgopt=force-unsafe-io",
    "bookworm",
)
BASE_DOCKERFILE = 'FROM scratch\nADD base.tar /\nCMD ["python3"]\n'

# Builders run in namespaces that end with this process, however it ends, and take every process
# and mount of a build with them.
CONTAINED = (
    *("setpriv", "--pdeathsig=KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
)

STEPS = ("STEP ", "I: ")
"""How the lines begin by which buildah and mmdebstrap tell their progress."""

CA_FOLDER = Path("/etc/ssl/certs")
CA_BUNDLE = CA_FOLDER / "ca-certificates.crt"


def base_image() -> str:
    """Make a Debian image with Python 3.11, unless it is there, and return its name for a `FROM`.

    `build` knows it by that name, nobody else does. Raises ClusterError.
    """
    recipe = hashlib.sha256(f"{DEBIAN} {BASE_DOCKERFILE}".encode()).hexdigest()
    name = f"localhost/python-base:{recipe[:12]}"
    with _store() as store:
        if not store.has(name):
            context = store.work / "base"
            context.mkdir()
            (context / "Dockerfile").write_text(BASE_DOCKERFILE)
            store.make_debian(context / "base.tar")
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
    with _store() as store:
        pip_configuration = store.work / "pip.conf"
        pip_configuration.write_text(_pip_configuration())
        # What this machine needs to reach its package index, for the build alone: of a file that
        # was mounted, the image keeps an empty one at most.
        mounts = [
            f"--volume={CA_FOLDER}:{CA_FOLDER}:ro",
            f"--volume={pip_configuration}:/etc/pip.conf:ro",
        ]
        image = store.build(context, dockerfile, tag, *arguments, *mounts)
        return store.archive(image, tag)


class _Store:
    """Images and layers in a folder of ours; `work` in it is for what a build needs meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self._buildah = (
            "buildah",
            "--storage-driver=overlay",
            f"--root={folder / 'root'}",
            f"--runroot={folder / 'run'}",
        )

    def clear(self) -> None:
        """Remove what a build has left that was killed."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self._run(*self._buildah, "rm", "--all")

    def has(self, image: str) -> bool:
        """Whether there is an image of this name."""
        listed = self._run(*self._buildah, "images", "--quiet", f"--filter=reference={image}")
        return bool(listed)

    def build(self, context: Path, dockerfile: Path, tag: str, *options: str) -> str:
        """Build an image and return its id."""
        print(f"Building the image {tag}", file=sys.stderr)
        image_id = self.work / "image-id"
        what = [f"--file={dockerfile}", f"--tag={tag}", f"--iidfile={image_id}"]
        how = ["--layers", "--isolation=chroot", "--network=host"]
        self._run(*self._buildah, "build", *how, *what, *options, str(context))
        return image_id.read_text().strip().removeprefix("sha256:")

    def archive(self, image: str, tag: str) -> Path:
        """Write the image as a tar, unless the tag's tar is of this very image already."""
        tar = self.folder / f"{re.sub('[/:]', '_', tag)}.tar"
        image_of_tar = tar.with_suffix(".id")
        if not (tar.exists() and image_of_tar.exists() and image_of_tar.read_text() == image):
            unfinished = self.work / "image.tar"
            self._run(*self._buildah, "push", image, f"docker-archive:{unfinished}:{tag}")
            image_of_tar.unlink(missing_ok=True)
            unfinished.rename(tar)
            image_of_tar.write_text(image)
        return tar

    def make_debian(self, tar: Path) -> None:
        """Write the file system of a small Debian with Python to a tar."""
        print("Making the base image: Debian with Python", file=sys.stderr)
        self._run(*DEBIAN, str(tar))

    def _run(self, *command: str) -> list[str]:
        """Run a builder and return the lines that it printed; its steps are shown as they come."""
        with subprocess.Popen(
            [*CONTAINED, *command],
            env=os.environ | {"TMPDIR": str(self.work)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as builder:
            printed = []
            try:
                for line in builder.stdout or ():
                    printed.append(line)
                    if line.startswith(STEPS):
                        print(f"  {line.rstrip()}", file=sys.stderr, flush=True)
            except BaseException:
                builder.kill()
                raise
        if builder.returncode != 0:
            tail = "".join(printed[-25:]).rstrip()
            raise ClusterError(f"`{' '.join(command)}` failed:\n{tail}")
        return printed


@contextmanager
def _store() -> Iterator[_Store]:
    """Give the store to one build at a time."""
    if os.geteuid() != 0:
        raise ClusterError("Building images needs root on Linux, and so does a real node.")
    programs = {name: debian.command(name) for name in ("buildah", "mmdebstrap")}
    debian.require("Building images", programs)
    folder = cache.folder("images")
    with cache.locked(folder, "Building images"):
        store = _Store(folder)
        store.clear()
        try:
            yield store
        finally:
            store.clear()


def _pip_configuration() -> str:
    """Return a pip.conf with which a build reaches the package index that pip uses here."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    index = re.findall(
        r"^[\w:]+\.(index-url|extra-index-url|trusted-host|proxy)='(.*)'$", listed, re.MULTILINE
    )
    settings = dict(index) | ({"cert": str(CA_BUNDLE)} if CA_BUNDLE.exists() else {})
    return "[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
