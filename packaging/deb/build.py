"""`make deb`: builds the packages for each release, checks them, and lays them into a signed apt repository.

    build.py [--release NAME]... [--out FOLDER] [--version VERSION] [--revision REV] [--twice] [--no-lintian]

Each package is built in a throw-away layer on a root filesystem of its release, without a network.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from releases import RELEASES, Release, Unbuildable, alone, cache, require_tools
from repository import make_repository
from roots import build_root, run_in
from sources import CHECKOUT, SLACK_SDK, changelog_version, slack_sdk_tree, slackd_tree, source_date_epoch

LINTIAN = ["lintian", "--allow-root", "--fail-on=error,warning", "--tag-display-limit=0"]


def build(release: Release, tree: Path, *, contrary: bool = False, source: bool = True) -> Path:
    """Build the source tree's packages and return the folder that holds them.

    Args:
        source: The source package, too, which takes a quarter of the time.
        contrary: In surroundings that must not show in the result: another path, time zone, locale and umask.
    """
    root = build_root(release)
    inside = "/srv/elsewhere" if contrary else "/build"
    surroundings = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    if contrary:
        surroundings = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": "/tmp"}
    surroundings["SOURCE_DATE_EPOCH"] = str(source_date_epoch(tree))
    umask = "0002" if contrary else "0022"
    builder = f"dpkg-buildpackage --build={'full' if source else 'binary'} --no-sign"
    command = ["sh", "-c", f"umask {umask} && chown -R root: {inside} && {builder}"]
    folder = f"{inside}/{tree.name}"
    run_in(root, command, binds={tree.parent: inside}, folder=folder, environment=surroundings)
    return tree.parent


def lint(release: Release, built: Path) -> None:
    """Run the release's own lintian over source and binary packages; an error or a warning fails."""
    root = build_root(release)
    changes = [f"/built/{file.name}" for file in built.glob("*.changes")]
    done = run_in(root, [*LINTIAN, *changes], binds={built: "/built"}, check=False)
    said = done.stdout.strip()
    print(f"lintian on {release.name}: {said or 'no errors, no warnings'}", flush=True)
    if done.returncode:
        raise Unbuildable(f"lintian found errors or warnings on {release.name}")


def checksums(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of every .deb in the folder."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("*.deb"))}


def slack_sdk_packages(release: Release, *, check: bool) -> Path:
    """The folder with python3-slack-sdk for the release; built once for each version of its packaging."""
    inputs = b"".join(file.read_bytes() for file in sorted(SLACK_SDK.rglob("*")) if file.is_file())
    kept = cache() / f"slack-sdk-{release.name}-{hashlib.sha256(inputs).hexdigest()[:10]}"
    with alone(f"slack-sdk-{release.name}"):
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix="slackd-build-", dir="/tmp") as folder:
                built = build(release, slack_sdk_tree(Path(folder) / "once"))
                if check:
                    lint(release, built)
                growing = kept.with_name(f".growing-{kept.name}")
                shutil.rmtree(growing, ignore_errors=True)
                growing.mkdir()
                for file in built.glob("*.deb"):
                    shutil.copy(file, growing)
                growing.rename(kept)
    return kept


def build_release(release: Release, out: Path, options: argparse.Namespace) -> None:
    """Everything for one release: packages, checks, repository."""
    with tempfile.TemporaryDirectory(prefix="slackd-build-", dir="/tmp") as folder:
        once = slackd_tree(Path(folder) / "once", options.version, options.revision)
        again = Path(folder) / "twice" / once.name
        if options.twice:
            shutil.copytree(once, again, symlinks=True)
        built = build(release, once)
        if options.lintian:
            lint(release, built)
        sums = checksums(built)
        if options.twice:
            other = checksums(build(release, again, contrary=True, source=False))
            if other != sums:
                raise Unbuildable(f"two builds on {release.name} differ:\n{sums}\n{other}")
        for name, digest in sums.items():
            print(
                f"{digest}  {release.name}/{name}{'  (built twice, the same)' if options.twice else ''}",
                flush=True,
            )
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        for source in (built, slack_sdk_packages(release, check=options.lintian)):
            for file in source.glob("*.deb"):
                shutil.copy(file, out)
    make_repository(out, release, options.uri and f"{options.uri.rstrip('/')}/{release.name}/")
    print(f"{out}: slackd {options.version or changelog_version(CHECKOUT)} for {release.name}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build slackd's Debian packages and apt repositories.")
    parser.add_argument("--release", action="append", choices=sorted(RELEASES), help="default: all")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "dist", help="gets a folder for each release")
    parser.add_argument("--version", help="another version than the changelog's (for tests of upgrades)")
    parser.add_argument("--revision", help="a commit or tag instead of the checkout's files")
    parser.add_argument("--uri", help="where clients find FOLDER (default: file: and its place)")
    parser.add_argument("--twice", action="store_true", help="build twice and compare byte by byte")
    parser.add_argument("--no-lintian", dest="lintian", action="store_false")
    options = parser.parse_args()
    try:
        require_tools()
        for name in options.release or RELEASES:
            build_release(RELEASES[name], options.out / name, options)
    except Unbuildable as reason:
        print(f"make deb: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
