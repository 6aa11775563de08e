"""HTTP request URLs: what Slack posts is verified, brought into Socket Mode's shape, answered in the body."""
