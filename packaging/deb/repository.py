"""A folder of .debs becomes a signed apt repository: flat, so that `apt install ./FOLDER/*.deb` works too."""

import gzip
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from releases import Release, alone, cache

ORIGIN = "slackd"


def signing_key() -> Path:
    """The secret key that repositories are signed with: the one in SLACKD_SIGNING_KEY (a file made with
    `gpg --export-secret-keys`), or one made on first use and kept in the cache, readable by root alone.
    """
    given = os.environ.get("SLACKD_SIGNING_KEY")
    if given:
        return Path(given)
    file = cache() / "signing-key.gpg"
    with alone("signing-key"):
        if not file.exists():
            with _keyring() as home:
                identity = "slackd package signing (made on this machine)"
                _gpg(home, "--passphrase", "", "--quick-generate-key", identity, "ed25519", "sign", "0")
                secret = _gpg(home, "--export-secret-keys")
            file.touch(mode=0o600)
            file.write_bytes(secret)
    return file


def make_repository(folder: Path, release: Release, uri: str | None = None) -> None:
    """Index and sign the .debs in `folder`, and lay the apt source that an administrator copies beside them.

    Args:
        uri: Where clients find the folder; by default where it stands now.
    """
    packages = subprocess.run(
        ["apt-ftparchive", "packages", "."], cwd=folder, check=True, capture_output=True
    ).stdout
    (folder / "Packages").write_bytes(packages)
    (folder / "Packages.gz").write_bytes(gzip.compress(packages, mtime=0))
    for stale in ("Release", "InRelease", "Release.gpg"):
        (folder / stale).unlink(missing_ok=True)
    fields = {
        "Origin": ORIGIN,
        "Label": ORIGIN,
        "Suite": release.name,
        "Codename": release.name,
        "Architectures": " ".join(sorted({file.stem.rpartition("_")[2] for file in folder.glob("*.deb")})),
    }
    options = [f"-oAPT::FTPArchive::Release::{name}={value}" for name, value in fields.items()]
    unsigned = subprocess.run(
        ["apt-ftparchive", *options, "release", "."], cwd=folder, check=True, capture_output=True
    )
    (folder / "Release").write_bytes(unsigned.stdout)
    with _keyring() as home:
        _gpg(home, "--import", str(signing_key()))
        _gpg(home, "--clearsign", "--output", str(folder / "InRelease"), str(folder / "Release"))
        public = _gpg(home, "--armor", "--export").decode()
    (folder / "slackd.sources").write_text(apt_source(uri or f"file:{folder.resolve()}/", public))


def apt_source(uri: str, public_key: str) -> str:
    """A deb822 source of the repository at `uri` that carries its own key."""
    key = "\n".join(f" {line or '.'}" for line in public_key.strip().splitlines())
    return f"Types: deb\nURIs: {uri}\nSuites: ./\nSigned-By:\n{key}\n"


@contextmanager
def _keyring() -> Iterator[Path]:
    """A keyring of its own, with no agent left behind."""
    with tempfile.TemporaryDirectory(prefix="slackd-gpg-", dir="/tmp") as home:
        try:
            yield Path(home)
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], env={**os.environ, "GNUPGHOME": home}, check=False)


def _gpg(home: Path, *arguments: str) -> bytes:
    command = ["gpg", "--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", *arguments]
    done = subprocess.run(command, env={**os.environ, "GNUPGHOME": str(home)}, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"gpg {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
