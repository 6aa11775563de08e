"""What an operator does again and again, in the tests' words."""

from tests.e2e.booted_machine import Machine
from tests.e2e.the_world import API_URL, Site, Slack

BROKER = "slackd-broker.service"
FIRST, SECOND = "slackd-connector@1.service", "slackd-connector@2.service"
UNITS = (BROKER, FIRST, SECOND)


def set_up(machine: Machine, slack: Slack, *options: str, app: int = 0, name: str = "main") -> None:
    """`slackctl setup` with the tokens of one of Slack's apps."""
    tokens = slack.apps[app]
    machine.write("/root/app-token", tokens["app_token"], 0o600)
    machine.write("/root/bot-token", tokens["bot_token"], 0o600)
    files = ["--app-token-file", "/root/app-token", "--bot-token-file", "/root/bot-token"]
    machine.run("slackctl", "setup", "--app", name, "--api-url", API_URL, *files, *options)


def processes(machine: Machine) -> dict[str, int]:
    """By unit, the main process."""
    said = machine.says("systemctl", "show", "--property=MainPID", "--value", *UNITS)
    return dict(zip(UNITS, map(int, said.split()), strict=True))


def is_active(machine: Machine, unit: str) -> bool:
    """Whether a unit is started, for those that tell so: READY."""
    return machine.succeeds("systemctl", "is-active", "--quiet", unit)


def install_version(machine: Machine, site: Site, number: int, *, check: bool = True) -> str:
    """Up or down to one of the site's versions, and return what apt said.

    From files: apt believes no repository that is older than what it has seen of it.
    """
    folder = site.folder / f"slackd-{site.versions[number]}"
    inside = []
    for name in ("slackd", "python3-slackd-plugin"):
        (file,) = folder.glob(f"{name}_*.deb")
        inside.append(f"/root/{file.name}")
        machine.put(file, inside[-1])
    install = ["apt-get", "-qq", "-y", "--allow-downgrades", "install", *inside]
    done = machine.run(*install, check=check)
    assert check or done.returncode != 0
    return done.stdout + done.stderr


def is_answered(slack: Slack, text: str = "you") -> bool:
    """Whether the greeter's package answers a command now."""
    answered = slack.do("command", command="/greet", text=text, wait=3)
    return bool(answered["response"] == {"text": f"Hello {text}"})
