"""What the emulator raises on purpose."""

from slackd import SlackdError


class EmulatorError(SlackdError):
    """The emulator was asked for something that makes no sense (an unknown app, fault or connection)."""


class WaitedTooLongError(EmulatorError):
    """What a test or a person waited for did not happen in time."""
