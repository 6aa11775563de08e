"""An app's first start: tokens tried, encrypted and laid into place, the configuration's table written, and the
manifest to paste. `slackd.cli.slackctl.setup` asks and calls; everything here can be run without a terminal.
"""
