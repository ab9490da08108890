"""Dockerfiles are built for real, and nothing of the builds but the images stays."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from localcluster import cache, images
from localcluster.errors import ClusterError
from tests.waiting import wait_until

PROJECT = str(Path(__file__).parents[2])
WAIT_SECONDS = 180

DOCKERFILE = """\
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
COPY greeting.txt /
RUN test -s /etc/pip.conf && python3 -c "print(open('/greeting.txt').read())"
USER 65532
"""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "greeting.txt").write_text(f"hello {tmp_path}")
    yield tmp_path
    for file in cache.folder("images").glob("docker.io_library_mltask-test_*"):
        file.unlink()


def build(context: Path, tag: str = "docker.io/library/mltask-test:images") -> Path:
    return images.build(context, context / "Dockerfile", tag, {"BASE": images.base_image()})


def is_running(*command: str) -> bool:
    return any(
        process.info["cmdline"] == list(command) for process in psutil.process_iter(["cmdline"])
    )


def image_configuration(tar: Path) -> tuple[list[str], str]:
    """The names and the configuration's file, which its content names, of the image in a tar."""
    with tarfile.open(tar) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        (image,) = json.load(manifest)
    return image["RepoTags"], image["Config"]


def files_of_image(tar: Path) -> dict[str, int]:
    """Path to size, of every regular file in the image's layers."""
    sizes = {}
    with tarfile.open(tar) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".tar"):
                with tarfile.open(fileobj=archive.extractfile(member)) as layer:
                    sizes.update({file.name: file.size for file in layer if file.isfile()})
    return sizes


@pytest.mark.node
def test_an_image_holds_what_its_dockerfile_says_and_nothing_of_this_machine(context: Path) -> None:
    tar = build(context)
    assert image_configuration(tar)[0] == ["docker.io/library/mltask-test:images"]
    files = files_of_image(tar)
    assert files["greeting.txt"] == len((context / "greeting.txt").read_text())
    assert files["etc/pip.conf"] == 0
    assert str(cache.folder("images")) not in Path("/proc/self/mounts").read_text()


@pytest.mark.node
def test_the_same_build_again_writes_nothing_and_a_changed_file_makes_another_image(
    context: Path,
) -> None:
    first = build(context)
    written, configuration = first.stat().st_mtime_ns, image_configuration(first)[1]
    assert build(context).stat().st_mtime_ns == written
    (context / "greeting.txt").write_text("good bye")
    assert image_configuration(build(context))[1] != configuration


@pytest.mark.node
def test_two_builds_at_once_both_succeed(context: Path) -> None:
    tags = [f"docker.io/library/mltask-test:{n}" for n in ("one", "two")]
    with ThreadPoolExecutor() as pool:
        tars = list(pool.map(lambda tag: build(context, tag), tags))
    assert [image_configuration(tar)[0] for tar in tars] == [[tag] for tag in tags]


@pytest.mark.node
def test_a_failing_step_is_shown_with_its_last_lines(context: Path) -> None:
    (context / "Dockerfile").write_text(DOCKERFILE + "RUN echo no such luck && exit 7\n")
    with pytest.raises(ClusterError, match=r"(?s)buildah.*no such luck.*exit status 7"):
        build(context)


@pytest.mark.node
def test_a_killed_build_leaves_no_process_and_does_not_stand_in_the_way_of_the_next(
    context: Path,
) -> None:
    seconds = str(100_000 + os.getpid())
    (context / "Dockerfile").write_text(DOCKERFILE + f"RUN sleep {seconds}\n")
    tag = "docker.io/library/mltask-test:killed"
    program = (
        "from pathlib import Path; from localcluster import images; here = Path.cwd();"
        f"images.build(here, here / 'Dockerfile', '{tag}', {{'BASE': images.base_image()}})"
    )
    builder = subprocess.Popen(
        [sys.executable, "-c", program], cwd=context, env=os.environ | {"PYTHONPATH": PROJECT}
    )
    wait_until(lambda: is_running("sleep", seconds), "the build has begun", WAIT_SECONDS)
    builder.kill()
    builder.wait()
    wait_until(lambda: not is_running("sleep", seconds), "the build has ended", WAIT_SECONDS)
    (context / "Dockerfile").write_text(DOCKERFILE)
    assert image_configuration(build(context, tag))[0] == [tag]


def test_without_root_the_error_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match="needs root"):
        images.base_image()
