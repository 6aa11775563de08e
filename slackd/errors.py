"""Every error that slackd raises on purpose, as one tree.

    SlackdError                       the root (slackd/__init__.py, so that the SDK has it too)
    ├── ConfigError                   a file, a key, what was found and what was expected (slackd.config)
    ├── CredentialError               a token is missing, readable by others, or of the wrong kind
    ├── SlackApiError                 Slack answered `ok: false`, or not at all
    │   └── SlackRefused              it will answer the same again until a person changes something
    ├── LinkError                     the seam between connectors and broker
    │   └── LinkVersionError          the other side is too old or too new to understand
    └── JournalError                  the journal could not do what was asked
        ├── JournalBusy               another broker owns it
        ├── JournalUnwritable         the disk is full, read-only or failing: nothing may be acknowledged
        ├── JournalDamaged            the file is not a journal, or is corrupt
        └── JournalNewer              a later release wrote it, and this one cannot follow

Each message says what happened, where, and what to do about it. No message ever contains a token.
"""

from slackd import SlackdError

__all__ = [
    "ConfigError",
    "CredentialError",
    "JournalBusy",
    "JournalDamaged",
    "JournalError",
    "JournalNewer",
    "JournalUnwritable",
    "LinkError",
    "LinkVersionError",
    "SlackApiError",
    "SlackRefused",
    "SlackdError",
]


class ConfigError(SlackdError):
    """The configuration cannot be used; the message lists every problem with file, key and hint."""


class CredentialError(SlackdError):
    """A token cannot be read, may be read by others, or is of the wrong kind for its place."""


class SlackApiError(SlackdError):
    """A call of Slack's Web API did not succeed."""


class SlackRefused(SlackApiError):
    """Slack refused, and will refuse again until a person changes something (`invalid_auth`, say)."""


class LinkError(SlackdError):
    """The link between connector and broker failed."""


class LinkVersionError(LinkError):
    """The two sides speak versions of the link that have nothing in common."""


class JournalError(SlackdError):
    """The journal could not do what was asked of it.

    Attributes:
        what: What happened, and where.
        hint: What a person should do about it, "" where that is said in `what`; `str` has both.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}; {hint}" if hint else what)
        self.what, self.hint = what, hint


class JournalBusy(JournalError):
    """Another broker owns the journal; the message names its pid."""


class JournalUnwritable(JournalError):
    """A commit failed (disk full, read-only, I/O error): what was in it must not be acknowledged."""


class JournalDamaged(JournalError):
    """The journal's file is corrupt or is not a journal of slackd."""


class JournalNewer(JournalError):
    """A later release wrote the journal; this one would lose what it doesn't know."""
