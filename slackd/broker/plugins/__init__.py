"""The daemon's side of the plugin socket: who connects, what they say, what they are told."""
