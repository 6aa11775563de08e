"""`python -m slackd.emulator`."""

from slackd.emulator.serve import main

main()
