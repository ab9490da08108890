"""TLS contexts for the API server, and what is wrong with a connection, in one line."""

import ssl
from collections.abc import Callable

import aiohttp
from kubernetes.aio.client import Configuration

from mltask_operator.escaping import one_line

MAX_MESSAGE = 500


class BadCertificate(Exception):
    """A certificate or key of the kubeconfig or Pod cannot be used; the text names the file."""


def context_for(configuration: Configuration) -> ssl.SSLContext:
    """Return a context with the CA and the client certificate. Raises BadCertificate."""
    authority, certificate = configuration.ssl_ca_cert, configuration.cert_file
    try:
        made = ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise BadCertificate(
            f"the certificate authority {authority} cannot be used: {reason(error)}"
        ) from error
    if certificate:
        try:
            made.load_cert_chain(certificate, configuration.key_file)
        except OSError as error:
            raise BadCertificate(
                f"the client certificate {certificate} cannot be used: {reason(error)}"
            ) from error
    if not configuration.verify_ssl:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def reason(error: Exception) -> str:
    """Return why a connection or a certificate failed, as one line of at most 500 bytes."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", error.certificate_error)
        text = f"its certificate is not trusted: {why}"
    else:
        text = str(error) or type(error).__name__
    return one_line(" ".join(text.split()).rstrip("."), MAX_MESSAGE)


class NewestContext(ssl.SSLContext):
    """A context that opens each connection by the newest one, for a session that outlives it."""

    _newest: Callable[[], ssl.SSLContext]

    @classmethod
    def of(cls, newest: Callable[[], ssl.SSLContext]) -> "NewestContext":
        """Return a context that asks `newest` at the start of each connection."""
        made = cls(ssl.PROTOCOL_TLS_CLIENT)
        made._newest = newest
        return made

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 (the base class has it so)
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return the TLS object of a connection: what asyncio asks a context for."""
        return self._newest().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
