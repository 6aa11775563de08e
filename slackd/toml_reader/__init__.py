"""TOML, read into typed values. Whatever is wrong becomes a problem with file, line, key and expected value."""
