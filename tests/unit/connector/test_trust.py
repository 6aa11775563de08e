"""Whose certificates a connector trusts: those that OpenSSL trusts, read no sooner than they are needed."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from slackd.connector.trust import tls_context


@pytest.fixture(name="system")
def _system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder as Debian's /etc/ssl/certs: OpenSSL's file with all certificates, and the folder itself."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca-certificates.crt"))
    tls_context.cache_clear()
    yield tmp_path
    tls_context.cache_clear()


def trusted(system: Path, *authorities: trustme.CA) -> None:
    """What `update-ca-certificates` makes of them."""
    for number, authority in enumerate(authorities):
        authority.cert_pem.write_to_path(str(system / f"{number}.pem"))
        authority.cert_pem.write_to_path(str(system / "ca-certificates.crt"), append=True)
    subprocess.run(("openssl", "rehash", str(system)), check=True)


def read_at_once() -> int:
    """Certificates that a connector has read before its first handshake."""
    return tls_context(None).cert_store_stats()["x509"]


def shake_hands(authority: trustme.CA) -> None:
    """Connect to a server whose certificate this authority has issued."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("wss.example").configure_cert(server)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = tls_context(None).wrap_bio(to_client, to_server, server_hostname="wss.example")
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(2):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


def test_a_certificate_of_the_folder_is_read_by_the_handshake_that_needs_it(system: Path) -> None:
    first, second = trustme.CA(), trustme.CA(organization_name="another")
    trusted(system, first, second)
    assert read_at_once() == 0
    shake_hands(second)
    assert tls_context(None).cert_store_stats()["x509"] == 1
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(trustme.CA(organization_name="nobody's"))


def test_a_certificate_that_was_added_to_the_file_by_hand_is_trusted(system: Path) -> None:
    trusted(system, trustme.CA())
    proxys = trustme.CA(organization_name="a proxy's")
    proxys.cert_pem.write_to_path(str(system / "ca-certificates.crt"), append=True)
    assert read_at_once() == 2
    shake_hands(proxys)


def test_a_file_of_another_folder_is_trusted(
    system: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted(system, trustme.CA())
    elsewhere, other = tmp_path_factory.mktemp("elsewhere") / "ca.pem", trustme.CA(organization_name="other")
    other.cert_pem.write_to_path(str(elsewhere))
    monkeypatch.setenv("SSL_CERT_FILE", str(elsewhere))
    assert read_at_once() == 1
    shake_hands(other)
