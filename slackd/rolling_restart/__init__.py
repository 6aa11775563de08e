"""Rolling restart: new configuration, credentials and code come in process by process, without a gap.

It keeps rule R9 of the design: a restart never takes an app's last READY connection, and no process is
restarted that would not change. `plan` decides and is pure; `preconditions` reads the disk; `systemd` asks
systemd and the broker; `restart` restarts the units; `preflight` says beforehand whether it would succeed.
"""
