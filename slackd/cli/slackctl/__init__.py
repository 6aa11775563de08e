"""The commands of `slackctl`, an ordinary client of the control API. Each module holds one and is imported when
that one is run."""
