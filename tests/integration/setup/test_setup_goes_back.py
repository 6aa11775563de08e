"""`slackctl setup` on a host whose reload fails: files and tokens are as they were, and are reloaded again.

The host is this one, with an `/etc` of its own and a `systemctl` that keeps a record.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROXY = "http://127.0.0.1:3128"
OLD, NEW = "xapp-1-A1-old", "xapp-1-A1-new"
SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$RECORD"
case "$1" in
reload) [ "$(grep -c ^reload "$RECORD")" -gt "$FAILING" ] || { echo "the reload failed" >&2; exit 1; } ;;
esac
exit 0
"""
NO_KEY = "#!/bin/sh\nexit 1\n"
"""This host encrypts nothing: its key is none of a test's business."""
OF_ITS_OWN = """
set -e
mount -t tmpfs none "$OVERLAY"
mkdir "$OVERLAY/upper" "$OVERLAY/work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$OVERLAY/upper,workdir=$OVERLAY/work" /etc
mkdir -p /etc/slackd/apps.d /etc/slackd/plugins.d /etc/slackd/credentials
touch /etc/slackd/slackd.toml
cp "$FIRST" /etc/slackd/apps.d/shop.toml
printf "$OLD" > /etc/slackd/credentials/shop-app
chmod 600 /etc/slackd/credentials/shop-app
"$@" >"$OUTPUT" 2>&1 && echo 0 >"$STATUS" || echo $? >"$STATUS"
cat /etc/slackd/apps.d/shop.toml >"$AFTER"
cat /etc/slackd/credentials/shop-app >>"$AFTER"
find /etc/slackd -name 'shop*' | sort >>"$AFTER"
"""


def host_has_namespaces() -> bool:
    return (
        os.getuid() == 0
        and subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0
    )


pytestmark = pytest.mark.skipif(not host_has_namespaces(), reason="an /etc of its own needs root")


class Host:
    """What there was before, and is afterwards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.before = 'app_token = "credential:shop-app"\n'
        (folder / "first").write_text(self.before)
        (folder / "bin").mkdir()
        (folder / "overlay").mkdir()
        for name, script in (("systemctl", SYSTEMCTL), ("systemd-creds", NO_KEY)):
            (folder / "bin" / name).write_text(script)
            (folder / "bin" / name).chmod(0o755)

    def setup(self, *, failing: int) -> int:
        """Run `slackctl setup` with another token, where so many reloads fail; its exit status."""
        folder = self._folder
        names = {"FIRST": "first", "OVERLAY": "overlay", "RECORD": "record", "AFTER": "after"}
        names |= {"OUTPUT": "output", "STATUS": "status"}
        environment = {name: str(folder / file) for name, file in names.items()}
        environment |= {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "FAILING": str(failing), "OLD": OLD}
        environment |= {"SLACKD_APP_TOKEN": NEW}
        command = [sys.executable, "-c", "from slackd.cli.control import main; main()", "setup"]
        command += ["--config", "/etc/slackd/slackd.toml", "--app", "shop", "--proxy", PROXY, "--no-trial"]
        subprocess.run(
            ["unshare", "-m", "sh", "-c", OF_ITS_OWN, "sh", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )
        return int((folder / "status").read_text())

    def read(self, name: str) -> str:
        return (self._folder / name).read_text()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_change_that_the_reload_takes_stays(host: Host) -> None:
    assert host.setup(failing=0) == 0, host.read("output")
    assert PROXY in host.read("after")
    assert OLD not in host.read("after")
    assert host.read("record").splitlines().count("reload slackd.service") == 1


def test_after_a_failed_reload_all_is_as_it_was_and_is_reloaded_again(host: Host) -> None:
    assert host.setup(failing=1) == 1
    file, token = host.before, OLD
    names = ["/etc/slackd/apps.d/shop.toml", "/etc/slackd/credentials/shop-app"]
    assert host.read("after") == file + token + "\n".join(names) + "\n"
    assert host.read("record").splitlines().count("reload slackd.service") == 2
    assert "what was there before is in place again" in host.read("output")


def test_where_the_way_back_fails_too_that_is_said(host: Host) -> None:
    assert host.setup(failing=2) == 1
    assert "the reload back to it failed, too: systemctl status slackd.service" in host.read("output")
    assert OLD in host.read("after")
