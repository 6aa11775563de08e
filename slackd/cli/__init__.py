"""The command lines: `slackd` for the daemon, `slackctl` for people."""
