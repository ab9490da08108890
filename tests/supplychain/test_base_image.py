"""The base of the operator's image is one exact image, not the newest of a tag."""

import re
from pathlib import Path

DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"


def test_the_dockerfile_pins_its_base_by_digest() -> None:
    text = DOCKERFILE.read_text()
    [base] = re.findall(r"^ARG BASE=(.*)$", text, re.MULTILINE)
    assert re.fullmatch(r"[a-z0-9./:-]+@sha256:[0-9a-f]{64}", base)
    sources = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", text, re.MULTILINE)
    stages = {stage for _, stage in sources}
    assert {source for source, _ in sources} - stages == {"${BASE}"}
