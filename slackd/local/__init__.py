"""All of it on one machine, for authors: an emulated Slack, a whole slackd, and plugins beside them."""
