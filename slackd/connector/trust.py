"""Whose certificates are trusted."""

import os
import ssl
import sys
from functools import cache
from pathlib import Path
from typing import Any

from slackd.connector.dial_progress import note_tls
from slackd.errors import ConfigError


@cache
def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context with the system's certificates, and those of `ca_file` (an inspecting proxy's) besides.

    One a process and file: reading the system's takes a tenth of a start.

    Raises:
        ConfigError: `ca_file` can't be read or holds no certificate.
    """
    context = _client_tls()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"ca_file {ca_file} can't be used ({error}): expected a file with certificates in PEM form"
            ) from error
        # From 3.13 on Python holds certificates to the letter of RFC 5280, which those that inspecting proxies
        # make on the fly often aren't (squid's have no key identifiers); the authority was named on purpose.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class WatchedTls(ssl.SSLContext):
    """Notes when TLS begins, which aiohttp doesn't report."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As in `ssl.SSLContext`."""
        note_tls()
        return super().wrap_bio(*args, **kwargs)


def _client_tls() -> WatchedTls:
    """What `ssl.create_default_context` makes for a client, as a `WatchedTls`."""
    context = WatchedTls(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    if sys.version_info >= (3, 13):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    _trust_the_systems(context)
    return context


def _trust_the_systems(context: ssl.SSLContext) -> None:
    """Trust what OpenSSL trusts: the certificates of a file, which it reads now, and those of a folder, of
    which it reads the one that a handshake names (SSL_CTX_load_verify_locations(3)).

    Debian's `update-ca-certificates` puts the same into both, and to read 140 certificates takes a tenth of a
    connector's start and a megabyte. So where the file holds no more than its folder, the folder is enough.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile and paths.capath and _holds_no_more(Path(paths.cafile), Path(paths.capath)):
        context.load_verify_locations(capath=paths.capath)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)


def _holds_no_more(file: Path, folder: Path) -> bool:
    """Whether this file stands in this folder, with as many certificates as the folder has under their hashes:
    nobody has added one to the file by hand."""
    try:
        if file.resolve().parent != folder.resolve():
            return False
        named = sum(name[8:9] == "." and name[9:].isdecimal() for name in os.listdir(folder))
        return 0 < file.read_bytes().count(b"-----BEGIN ") == named
    except OSError:
        return False
