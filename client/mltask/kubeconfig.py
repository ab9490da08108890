"""Which API server, as whom, and in which namespace: what kubectl would take."""

import os
from pathlib import Path

import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from mltask.errors import NoCredentials
from mltask_operator.api.hosts import is_loopback

DEFAULT_FILE = Path("~/.kube/config")
SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


async def load(kubeconfig: str | None, context: str | None) -> tuple[Configuration, str]:
    """Return how to reach the API server, and the namespace of the context.

    The kubeconfig is the given file, else those that $KUBECONFIG names, else ~/.kube/config, else
    the service account of the Pod. Raises NoCredentials where that cannot be used.
    """
    files = kubeconfig or os.environ.get("KUBECONFIG") or _default_file()
    configuration = Configuration()
    try:
        if files is None:
            config.load_incluster_config(client_configuration=configuration)
            return configuration, _service_account_namespace()
        _check_any_exists(files)
        loader = await config.load_kube_config(
            files, context=context, client_configuration=configuration, persist_config=False
        )
    except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError) as error:
        why = " ".join(str(error).split()).rstrip(".")
        raise NoCredentials(
            f"no usable credentials in {files or 'this Pod'}: {why}. Set KUBECONFIG to a "
            "kubeconfig file, and choose one of `kubectl config get-contexts`"
        ) from error
    if is_loopback(configuration.host):
        configuration.client_session_kwargs = {"trust_env": False}
    return configuration, loader.current_context["context"].get("namespace") or "default"


def _check_any_exists(files: str) -> None:
    """Raise FileNotFoundError where none of the files is there: the loader would only warn."""
    if not any(Path(file).expanduser().exists() for file in files.split(os.pathsep) if file):
        raise FileNotFoundError("no such file")


def _service_account_namespace() -> str:
    return SERVICE_ACCOUNT_NAMESPACE.read_text().strip()


def _default_file() -> str | None:
    default = DEFAULT_FILE.expanduser()
    return str(default) if default.exists() else None
