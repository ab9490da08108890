"""The images that a real node has from the start: made of Debian's busybox, without a registry."""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path

from .errors import ClusterError

PAUSE = "registry.k8s.io/pause:3.10.1"
"""What holds a Pod's namespaces open while its containers come and go."""
BUSYBOX = ["docker.io/library/busybox:local", "docker.io/library/busybox:1.37"]
"""The second name is one that other clusters can pull."""

USERS = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def find() -> Path | None:
    """Return a busybox that needs no libraries, if there is one."""
    for path in map(Path, ("/bin/busybox", "/sbin/busybox", "/usr/bin/busybox-static")):
        if path.exists():
            with path.open("rb") as file:
                # Near the start stands the name of the program that loads the libraries, if any.
                if b"/ld-" not in file.read(4096):
                    return path
    return None


def write_images(target: Path) -> None:
    """Write an archive of both images, as `docker save` would, that containerd can import."""
    busybox = find()
    if not busybox:
        raise ClusterError("The package busybox-static is missing.")
    layer = _layer(busybox)
    images = {"pause": ([PAUSE], ["sleep", "infinity"]), "busybox": (BUSYBOX, ["sh"])}
    files = {"layer.tar": layer}
    manifest = []
    for name, (tags, command) in images.items():
        files[f"{name}.json"] = _configuration(layer, command)
        manifest.append({"Config": f"{name}.json", "RepoTags": tags, "Layers": ["layer.tar"]})
    files["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(target, "w") as archive:
        for name, content in files.items():
            _add_file(archive, name, content)


def _layer(busybox: Path) -> bytes:
    listed = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder, mode in {"bin": 0o755, "etc": 0o755, "root": 0o700, "tmp": 0o1777}.items():
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        _add_file(archive, "bin/busybox", busybox.read_bytes(), mode=0o755)
        _add_file(archive, "etc/passwd", USERS)
        for name in set(listed.stdout.split()) - {"busybox"}:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
    return buffer.getvalue()


def _configuration(layer: bytes, command: list[str]) -> bytes:
    configuration = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": command},
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"],
        },
    }
    return json.dumps(configuration).encode()


def _add_file(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
