"""Block Kit as Slack documents it: which blocks, elements and objects there are, and what each may contain."""

from slackd.emulator.blockkit.validation import (
    BlockViolation,
    check_blocks,
    check_options,
    check_view,
    is_too_large,
)

__all__ = ["BlockViolation", "check_blocks", "check_options", "check_view", "is_too_large"]
