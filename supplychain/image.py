"""The operator's image as the Dockerfile builds it here, and what is in it; for `make sbom`."""

import json
import re
import sys
import tarfile
from pathlib import Path

import mltask_operator
from localcluster import images
from localcluster.errors import ClusterError

ROOT = Path(__file__).parents[1]
BILL = "usr/share/mltask-operator/sbom.cdx.json"


def build(context: Path = ROOT, version: str = mltask_operator.__version__) -> Path:
    """Build the image and return it as a docker-archive tar. Raises ClusterError."""
    tag = f"docker.io/library/mltask-operator:{version}"
    return images.build(context, ROOT / "Dockerfile", tag, {"BASE": images.base_image()})


def files(image: Path, pattern: str) -> dict[str, bytes]:
    """Return path and content of each file in the image whose whole path matches."""
    found = {}
    with tarfile.open(image) as archive:
        # `extractfile` is None only for what is no regular file: these are.
        layers = json.load(archive.extractfile("manifest.json"))[0]["Layers"]  # type: ignore[arg-type]
        for layer in layers:
            with tarfile.open(fileobj=archive.extractfile(layer)) as content:
                for member in content:
                    if member.isfile() and re.fullmatch(pattern, member.name):
                        found[member.name] = content.extractfile(member).read()  # type: ignore[union-attr]
    return found


def main() -> None:
    """Print the image's bill of materials."""
    try:
        [bill] = files(build(), re.escape(BILL)).values()
    except ClusterError as error:
        raise SystemExit(f"Error: {error}") from error
    sys.stdout.buffer.write(bill)


if __name__ == "__main__":
    main()
