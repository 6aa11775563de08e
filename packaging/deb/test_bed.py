"""What the end-to-end tests boot and install from, for one release; printed as one line of JSON.

    test_bed.py --release NAME --site FOLDER --uri URI [--version VERSION]...
    test_bed.py --release NAME --root-alone
    test_bed.py --release NAME --plugin FOLDER

FOLDER gets an apt repository of slackd for each version, `slackd-VERSION`, and `debian`, one of everything that
they depend on: the tests' network is private. --plugin builds a plugin's source package with the checkout's
debhelper add-on, and prints the .deb's name. $SLACKD_E2E_REVISION names a commit to take in place of the
checkout's files, $SLACKD_E2E_BEFORE what is upgraded from in place of the newest tag. Root filesystems, the
`debian` folder and what was built are kept in the cache.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from build import build, slack_sdk_packages
from releases import RELEASES, Release, Unbuildable, alone, cache, require_tools
from repository import make_repository
from roots import bare_root, build_root, furnished_root, run_in
from sources import CHECKOUT, changelog_version, in_words, newest_release, slackd_tree

ALSO_IN_ARCHIVE = ("apparmor", "curl", "needrestart", "openssl", "squid-openssl", "tinyproxy")
"""What tests install besides slackd."""


KEPT = 12
"""Sets of packages that the cache keeps of a release."""


def packages(release: Release, version: str | None, revision: str | None, out: Path) -> str:
    """Lay the packages of a revision, or of the checkout, into a new folder and return their version.

    What was built from the same files before is taken from the cache.
    """
    with tempfile.TemporaryDirectory(prefix="slackd-build-", dir="/tmp") as folder:
        tree = slackd_tree(Path(folder) / "once", version, revision)
        root = build_root(release)
        kept = cache() / f"packages-{release.name}-{_fingerprint(tree, root.name)}"
        sdk = slack_sdk_packages(release, check=False)
        out.mkdir(parents=True)
        with alone(f"packages-{release.name}"):
            if not kept.exists():
                growing = kept.with_name(f".growing-{kept.name}")
                shutil.rmtree(growing, ignore_errors=True)
                growing.mkdir()
                for file in build(release, tree, source=False).glob("*.deb"):
                    shutil.copy(file, growing)
                growing.rename(kept)
            kept.touch()
            for source in (kept, sdk):
                for file in source.glob("*.deb"):
                    shutil.copy(file, out)
            _forget_oldest(release)
        return changelog_version(tree)


def _fingerprint(tree: Path, root: str) -> str:
    """Of all that can show in the packages."""
    whole = hashlib.sha256(root.encode())
    for file in sorted(tree.rglob("*")):
        if file.is_file() and file.relative_to(tree).parts[0] != "tests":
            content = file.read_bytes()
            about = f"{file.relative_to(tree)} {file.stat().st_mode:o} {len(content)}\n"
            whole.update(about.encode() + content)
    return whole.hexdigest()[:16]


def _forget_oldest(release: Release) -> None:
    kept = sorted(cache().glob(f"packages-{release.name}-*"), key=lambda folder: folder.stat().st_mtime)
    for folder in kept[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def archive(release: Release, debs: Path) -> Path:
    """A folder with every package from Debian's archive that installing the packages in `debs` may ask for."""
    root = bare_root(release)
    wanted = _dependencies(debs)
    key = hashlib.sha256("\n".join([root.name, *wanted, *ALSO_IN_ARCHIVE]).encode()).hexdigest()[:10]
    kept = cache() / f"archive-{release.name}-{key}"
    if kept.exists():
        return kept
    for older in cache().glob(f"archive-{release.name}-*"):
        shutil.rmtree(older)
    growing = kept.with_name(f".growing-{kept.name}")
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir()
    fetch = (
        "rm -f /etc/apt/apt.conf.d/docker-clean; apt-get -qq update"
        " && apt-get -qq -y --download-only install /debs/*.deb"
        f" && apt-get -qq -y --download-only install {' '.join(ALSO_IN_ARCHIVE)}"
        " && cp /var/cache/apt/archives/*.deb /archive/"
    )
    run_in(root, ["sh", "-c", fetch], binds={growing: "/archive", debs: "/debs"}, network=True)
    growing.rename(kept)
    return kept


def _dependencies(debs: Path) -> Sequence[str]:
    found = set()
    for file in debs.glob("*.deb"):
        fields = subprocess.run(
            ["dpkg-deb", "--field", file, "Depends", "Recommends"], check=True, capture_output=True, text=True
        )
        # Our own versions differ from build to build and are not in the archive anyway.
        found.update(line for line in re.sub(r"\(= [^)]*\)", "", fields.stdout).splitlines())
    return sorted(found)


def revisions(count: int) -> list[str | None]:
    """What so many versions are built from. Of several, the first is what is upgraded from: the tag of the
    newest release ($SLACKD_E2E_BEFORE names another revision), or the newest commit where there is none.
    """
    checkout = os.environ.get("SLACKD_E2E_REVISION")
    before = (
        [os.environ.get("SLACKD_E2E_BEFORE") or newest_release() or checkout or "HEAD"] if count > 1 else []
    )
    return [*before, *[checkout] * (count - len(before))]


def lay_site(release: Release, site: Path, uri: str, versions: Sequence[str | None]) -> dict[str, str]:
    """Fill the folder that is served, and return the versions of slackd in it, oldest first, each with what it
    was built from.
    """
    built = {}
    for number, (version, revision) in enumerate(zip(versions, revisions(len(versions)), strict=True)):
        building = site / f"building-{number}"
        name = packages(release, version, revision, building)
        built[name] = in_words(revision)
        newest = building.rename(site / f"slackd-{name}")
        make_repository(newest, release, f"{uri}/slackd/")
    shutil.copytree(archive(release, newest), site / "debian")
    make_repository(site / "debian", release, f"{uri}/debian/")
    return built


def plugin_package(release: Release, tree: Path) -> Path:
    """Build the source package of a plugin, as its author would who has dh-slackd-plugin; return the .deb."""
    root = build_root(release)
    helper = CHECKOUT / "packaging" / "debhelper"
    lay = (
        "install -m 0644 /helper/slackd_plugin.pm /usr/share/perl5/Debian/Debhelper/Sequence/"
        " && install -m 0755 /helper/dh_slackd_plugin /usr/bin/"
        " && cp /helper/autoscripts/* /usr/share/debhelper/autoscripts/"
        # Not from a package here, so dpkg does not see that it is there.
        " && dpkg-buildpackage --build=binary --no-check-builddeps --no-sign"
    )
    binds = {tree.parent: "/build", helper: "/helper"}
    run_in(root, ["sh", "-c", lay], binds=binds, folder=f"/build/{tree.name}")
    (made,) = tree.parent.glob("*.deb")
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description="Prepare what the end-to-end tests boot and install from.")
    parser.add_argument("--release", required=True, choices=sorted(RELEASES))
    parser.add_argument("--root-alone", action="store_true", help="no packages, only what boots")
    parser.add_argument("--plugin", type=Path, metavar="FOLDER", help="build a plugin's source package")
    parser.add_argument("--site", type=Path, help="a new folder, to be served at URI")
    parser.add_argument("--uri")
    parser.add_argument("--version", action="append", help="default: the changelog's")
    options = parser.parse_args()
    release = RELEASES[options.release]
    if not options.root_alone and not options.plugin and not (options.site and options.uri):
        parser.error("--site and --uri are needed, or --root-alone, or --plugin")
    versions: dict[str, str] = {}
    try:
        require_tools()
        if options.plugin:
            print(json.dumps({"deb": str(plugin_package(release, options.plugin.resolve()))}))
            return 0
        roots = {"bare": str(bare_root(release))}
        if not options.root_alone:
            roots["furnished"] = str(furnished_root(release))
            versions = lay_site(release, options.site, options.uri.rstrip("/"), options.version or [None])
    except (Unbuildable, RuntimeError, subprocess.CalledProcessError) as reason:
        print(f"test bed: {reason}", file=sys.stderr)
        return 1
    print(json.dumps({"roots": roots, "versions": versions}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
