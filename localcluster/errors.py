"""The one error that the local cluster raises."""


class ClusterError(Exception):
    """Says what went wrong, where, and what to do; its text is meant for a person."""
