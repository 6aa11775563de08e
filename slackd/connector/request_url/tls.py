"""TLS of the receiver's own."""

import ssl

from slackd.config.values import ReceiverConfig
from slackd.errors import ConfigError


def receiver_tls(settings: ReceiverConfig) -> ssl.SSLContext | None:
    """What connections over TCP are encrypted with; None where the configuration names no certificate.

    Raises:
        ConfigError: Certificate and key can't be used.
    """
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"[receiver] certificate and key can't be used: {error}") from error
    return context
