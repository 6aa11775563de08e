"""The side that faces plugins: the journal, dispatch and sessions. It has no token and no network."""
