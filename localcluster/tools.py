"""The cluster's programs, built from Go modules once and kept in a cache."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import cache, debian, golang

COMPONENTS = Path(__file__).parent / "components"
UNFINISHED = ".unfinished-"


@dataclass(frozen=True, eq=False)
class Module:
    """One folder of components/: a go.mod that pins versions, and the programs built from it."""

    folder: str
    programs: dict[str, str]
    """Name of the binary to the Go package it is built from."""
    version_of: str = ""
    """The Go module whose version the programs report as theirs."""
    version_variables: tuple[str, ...] = ()
    """The Go variables that hold that version; unset, Kubernetes calls itself v0.0.0."""
    cgo: bool = False
    tags: str = ""


# The order of building: what a simulated cluster needs comes first.
MODULES = (
    Module(
        "kubernetes",
        {
            "etcd": "go.etcd.io/etcd/server/v3",
            "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
            "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
            "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
            "kubectl": "k8s.io/kubernetes/cmd/kubectl",
            "kubelet": "k8s.io/kubernetes/cmd/kubelet",
            "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
        },
        version_of="k8s.io/kubernetes",
        version_variables=(
            "k8s.io/component-base/version.gitVersion",
            "k8s.io/client-go/pkg/version.gitVersion",
        ),
    ),
    Module(
        "addons",
        {"kwok": "sigs.k8s.io/kwok/cmd/kwok", "helm": "helm.sh/helm/v4/cmd/helm"},
    ),
    Module(
        "containerd",
        {
            "containerd": "github.com/containerd/containerd/v2/cmd/containerd",
            "containerd-shim-runc-v2": (
                "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"
            ),
            "ctr": "github.com/containerd/containerd/v2/cmd/ctr",
        },
    ),
    # Pods that ask for the seccomp profile RuntimeDefault need the tag, and the tag needs cgo.
    Module("runc", {"runc": "github.com/opencontainers/runc"}, cgo=True, tags="seccomp"),
    Module("kind", {"kindconfig": "."}),
)


def ensure() -> Path:
    """Return the folder that holds every program of MODULES, after building what is missing.

    A program is built anew when the go.mod, go.sum or Go files it is built from, its recipe here,
    or the version of Go have changed. Progress goes to stderr. Raises ClusterError where something
    can't be built.
    """
    store = cache.folder("tools")
    go = golang.find(store, _go_asked_for())
    if not go or _missing(_folders(store, go)):
        with cache.locked(store, "Building the cluster's programs"):
            go = golang.find(store, _go_asked_for()) or golang.install(store)
            _build_missing(store, go)
    return _gather(store, _folders(store, go))


def built(name: str) -> Path | None:
    """Return the program of this name if `ensure` has built it, and build nothing."""
    store = cache.folder("tools")
    go = golang.find(store, _go_asked_for())
    paths = [folder / name for folder in _folders(store, go).values()] if go else []
    return next((path for path in paths if path.exists()), None)


def _folders(store: Path, go: golang.Go) -> dict[Module, Path]:
    """Return where each module's programs are kept: a change of one leaves the others alone."""
    return {module: store / f"{module.folder}-{_key(module, go)}" for module in MODULES}


def _missing(folders: dict[Module, Path]) -> list[tuple[Module, str]]:
    return [
        (module, name)
        for module, folder in folders.items()
        for name in module.programs
        if not (folder / name).exists()
    ]


def _build_missing(store: Path, go: golang.Go) -> None:
    folders = _folders(store, go)
    missing = _missing(folders)
    if any(module.cgo for module, _ in missing):
        _require_c_toolchain()
    for interrupted in store.glob(f"{UNFINISHED}*"):
        shutil.rmtree(interrupted)
    for number, (module, name) in enumerate(missing, start=1):
        _report(f"[{number} of {len(missing)}] {name} … ")
        started = time.monotonic()
        _build(go, module, name, folders[module] / name)
        _report(f"{time.monotonic() - started:.0f} s\n")


def _build(go: golang.Go, module: Module, name: str, target: Path) -> None:
    """Build one program; `target` appears only when it is whole."""
    source = COMPONENTS / module.folder
    link = "-s -w"
    if module.version_of:
        version = go.output(source, "list", "-m", "-f", "{{.Version}}", module.version_of)
        link += "".join(f" -X {variable}={version}" for variable in module.version_variables)
    command = ["build", "-trimpath", "-buildvcs=false", "-tags", module.tags, "-ldflags", link]
    # A folder for each build: go may outlive us when we are killed, and must not write into the
    # file of whoever builds the same program next.
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=target.parents[1]) as folder:
        unfinished = Path(folder, name)
        go.output(source, *command, "-o", str(unfinished), module.programs[name], cgo=module.cgo)
        target.parent.mkdir(exist_ok=True)
        unfinished.rename(target)


def _gather(store: Path, folders: dict[Module, Path]) -> Path:
    """Return a folder of links to all programs; its name tells their versions apart."""
    names = sorted(folder.name for folder in folders.values())
    gathered = store / hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
    gathered.mkdir(exist_ok=True)
    for module, folder in folders.items():
        for name in module.programs:
            # Where the link is there already, it is the same.
            with suppress(FileExistsError):
                (gathered / name).symlink_to(Path("..") / folder.name / name)
    return gathered


def _key(module: Module, go: golang.Go) -> str:
    """Return what changes when the module's programs would."""
    digest = hashlib.sha256(f"{module} {go.version}".encode())
    for path in sorted((COMPONENTS / module.folder).iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _go_asked_for() -> tuple[int, ...]:
    """Return the newest Go that any of the go.mod files asks for."""
    lines = (
        line
        for module in MODULES
        for line in (COMPONENTS / module.folder / "go.mod").read_text().splitlines()
    )
    return max(golang.parse_version(line[3:]) for line in lines if line.startswith("go "))


def _require_c_toolchain() -> None:
    def has_libseccomp() -> bool:
        return subprocess.run(["pkg-config", "--exists", "libseccomp"]).returncode == 0

    debian.require(
        "Building runc",
        {
            "gcc": debian.command("gcc"),
            "pkg-config": debian.command("pkg-config"),
            "libc6-dev": lambda: Path("/usr/include/stdlib.h").exists(),
            "libseccomp-dev": lambda: shutil.which("pkg-config") and has_libseccomp(),
        },
    )


def _report(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)
