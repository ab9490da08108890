"""How many files, and so connections, the process may have open."""

import logging
import resource

logger = logging.getLogger(__name__)


def raise_limit() -> None:
    """Raise the soft limit of open files to the hard limit.

    containerd 2 leaves the soft limit at 1,024, for programs that use select(2). Programs in Go
    raise it at their start; Python does not.
    https://github.com/containerd/containerd/pull/8924
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:  # macOS refuses its own "unlimited"
        logger.warning("at most %d files can be open: failed to raise the limit: %s", soft, error)
