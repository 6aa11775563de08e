"""What the files refer to and isn't there. check-config says it, and it is no reason to refuse a start.

The broker runs where much cannot be seen, and what is missing is the business of whoever uses it.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from slackd.config.values import App, Config, SecretKind, SecretSource, is_posted


def missing(config: Config) -> Iterator[str]:
    """Look for what the configuration refers to, as a connector would.

    Yields:
        One line for each file, or variable, that is not there or can't be read.
    """
    for app in config.apps.values():
        for words in _of_app(app, config.file):
            file = config.app_files.get(app.name, config.file)
            yield f"{file}: {words}" if file != config.file else f"{file}: apps.{app.name}.{words}"
    for table, served in (("gateway", config.gateway), ("receiver", config.receiver)):
        for name, path in (("certificate", served.certificate), ("key", served.key)):
            if path is not None and (trouble := _unreadable(path)):
                yield f"{config.file}: {table}.{name}: {path} {trouble}"
    for plugin in config.plugin_files.values():
        ca_file = plugin.gateway.ca_file if plugin.gateway is not None else None
        if ca_file is not None and (trouble := _unreadable(ca_file)):
            yield f"{plugin.file}: gateway.ca_file: {ca_file} {trouble}"


def unseen(
    sources: Iterable[SecretSource | None], environ: Mapping[str, str] = os.environ
) -> Iterator[SecretSource]:
    """Find the secrets that can't be looked at from here.

    Args:
        sources: Of an app's tokens, or of its signing secrets.
        environ: Of this process.

    Yields:
        Each place that can't be looked into.
    """
    for source in sources:
        match source:
            case SecretSource(kind=SecretKind.CREDENTIAL):
                yield source
            case SecretSource(kind=SecretKind.ENV) if not environ.get(source.name):
                yield source
            case SecretSource(kind=SecretKind.FILE) if _unreadable(Path(source.name)):
                yield source


def _of_app(app: App, file: Path) -> Iterator[str]:
    if app.ca_file is not None and (trouble := _unreadable(app.ca_file)):
        yield f"ca_file: {app.ca_file} {trouble}"
    if app.proxy is not None and "@" in app.proxy and _others_may_read(file):
        yield "proxy: holds a password, and everybody may read this file"
    secrets = [("app_token", app.app_token), ("bot_token", app.bot_token)]
    if is_posted(app):
        secrets += [("signing_secret", app.signing_secret), ("old_signing_secret", app.old_signing_secret)]
    for name, source in secrets:
        if source is not None and (trouble := _of_secret(source)):
            yield f"{name}: {source} {trouble}"


def _of_secret(source: SecretSource) -> str | None:
    if source.kind is SecretKind.ENV:
        return None if os.environ.get(source.name) else "is not set here"
    if source.kind is SecretKind.FILE:
        path = Path(source.name)
        return _unreadable(path)
    # Credentials are seen by connectors and receiver alone.
    return None


def _unreadable(path: Path) -> str | None:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    if not stat.S_ISREG(mode):
        return "is not a file"
    return None if os.access(path, os.R_OK) else "cannot be read: permission denied"


def _others_may_read(path: Path) -> bool:
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)
    except OSError:
        return False
