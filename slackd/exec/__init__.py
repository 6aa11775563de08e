"""A command for each envelope: any script is a plugin, in a process of its own, never in the daemon."""
