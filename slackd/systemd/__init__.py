"""The process among its neighbours: systemd's notifications and sockets, the log, signals, its own fingerprint.

Everything here works without systemd too, and imports nothing of systemd's unless the process runs under it.
"""
