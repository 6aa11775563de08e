"""Proxies that the environment names and slackd cannot use. The configuration's `proxy` is checked where it is
read; HTTPS_PROXY and its kin are checked here, and refused with the same words.

The services' environment is the one that systemd gives them: `/etc/default/slackd`.
"""

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from slackd.config.urls import host_of
from slackd.config.values import Config
from slackd.toml_reader.problems import InvalidConfig, Problem

SERVICE_ENVIRONMENT: Final = Path("/etc/default/slackd")
"""`EnvironmentFile=` of the broker's and the connectors' units."""
IN_PASSWORDS: Final = "percent-encode @, :, / and # in a name or password"
_VARIABLES: Final = ("https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY")
_HTTP: Final = ("http", "https")
_EXPECTED: Final = 'the URL of an HTTP proxy, such as "http://proxy.example.com:3128"'


def refuse_unusable_proxies(config: Config, file: Path = SERVICE_ENVIRONMENT) -> None:
    """Refuse what the services' environment file says, where an app goes by it.

    Raises:
        InvalidConfig: A variable names a proxy that slackd cannot use.
    """
    problems = tuple(proxy_problems(config, service_environment(file), file))
    if problems:
        raise InvalidConfig(problems)


def proxy_problems(config: Config, environ: Mapping[str, str], source: Path) -> Iterator[Problem]:
    """Find the variables that name a proxy slackd cannot use (SOCKS, most often, or a password as it is).

    Args:
        config: Apps with a `proxy` of their own don't go by the environment.
        environ: The environment of the connectors.
        source: The file that it is from, for the words.

    Yields:
        One problem a variable.
    """
    if all(app.proxy is not None for app in config.apps.values()):
        return
    for name in _VARIABLES:
        value = environ.get(name, "").strip()
        scheme, separator, _ = value.partition("://")
        if separator and scheme.lower() not in _HTTP:
            hint = "SOCKS is not supported" if scheme.lower().startswith("socks") else ""
        elif value and host_of(value if separator else f"http://{value}", _HTTP) is None:
            scheme, hint = "http", IN_PASSWORDS
        else:
            continue
        yield Problem(source, (name,), f"{scheme}://…", _EXPECTED, hint)


def service_environment(file: Path = SERVICE_ENVIRONMENT) -> dict[str, str]:
    """Read an `EnvironmentFile=` (systemd.exec(5)): NAME=VALUE lines, quotes as in a shell.

    Returns:
        The variables; none where there is no such file or it can't be read.
    """
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in text.replace("\\\n", "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name.isidentifier():
            try:
                found[name] = "".join(shlex.split(value, posix=True)) if value else ""
            except ValueError:
                found[name] = os.fsdecode(os.fsencode(value))
    return found
