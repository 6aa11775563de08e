"""Socket Mode: one connection's protocol and life, and the pool that replaces it before it drops."""
