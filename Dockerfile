# The operator's image. BASE is any image that has `python3` (3.11 or newer) and its venv module; both stages use the
# same one, since a virtual environment points at the interpreter that made it.
# The digest is that of the index for all architectures. The tag only names its version: engines ignore a tag beside a digest.
ARG BASE=python:3.13.15-slim-bookworm@sha256:2325bb286ec344af3e5898cc224b5844e2707ac6e26b1632516fd3edc84a5e26

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Two environments: /opt/build holds pip and the build back end and stays behind, /opt/venv is what ships.
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/venv
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN /opt/build/bin/pip install --require-hashes --requirement requirements-build.lock \
 && /opt/build/bin/pip --python /opt/venv/bin/python3 install --no-compile --report installed.json \
    --require-hashes --requirement requirements.lock
# The running process may not write bytecode (no root, read-only root file system), so it is compiled here; unchecked,
# because the sources in an image never change and their file times need not survive its layers. Dependencies are compiled
# before the project's own code is there, so that a change of it reuses this layer.
RUN /opt/venv/bin/python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY client client
RUN /opt/build/bin/hatchling build --target wheel \
 && /opt/build/bin/pip --python /opt/venv/bin/python3 install --no-compile --no-deps dist/*.whl \
 && /opt/venv/bin/python3 -m compileall -q --invalidation-mode unchecked-hash \
    /opt/venv/lib/python3.*/site-packages/mltask_operator /opt/venv/lib/python3.*/site-packages/mltask \
    /opt/venv/lib/python3.*/site-packages/kubectl_mltask

# The programs that write the bill of materials: a stage of their own, so that none of them touches what ships.
FROM ${BASE} AS sbom-tools
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements-sbom.lock ./
RUN python3 -m venv /opt/sbom && /opt/sbom/bin/pip install --require-hashes --requirement requirements-sbom.lock

# The bill of materials of the image.
FROM build AS sbom
COPY --from=sbom-tools /opt/sbom /opt/sbom
COPY supplychain/sbom.py ./
RUN /opt/sbom/bin/cyclonedx-py environment --output-reproducible /opt/venv/bin/python3 > environment.json \
 && python3 sbom.py installed.json < environment.json > /opt/sbom.cdx.json

FROM ${BASE}
LABEL org.opencontainers.image.title="mltask-operator" \
      org.opencontainers.image.description="One allocation per machine-learning task on Kubernetes" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/venv /opt/venv
COPY --from=sbom /opt/sbom.cdx.json /usr/share/mltask-operator/sbom.cdx.json
# Kopf asks for its user's name, which no /etc/passwd has here, nor for whatever other number a cluster may choose.
ENV PATH=/opt/venv/bin:$PATH USER=mltask-operator
# A number, not a name: the kubelet cannot tell from a name that the user is not root.
USER 65532:65532
ENTRYPOINT ["mltask-operator"]
CMD ["run"]
