"""The daemon's side of the plugin socket: who connects, what they send, what they are sent."""
