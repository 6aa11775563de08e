"""Users of the host that need no account."""

HONEST, ROGUE, OUTSIDER = 61_001, 61_002, 61_003
