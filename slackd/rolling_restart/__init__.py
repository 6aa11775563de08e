"""A roll: new configuration, credentials and code come in one process after the other, without a gap.

The rules are R9's of the design: a restart never takes an app's last READY connection, and nothing is restarted
that wouldn't change. `plan` decides and is pure; `check` reads what stands on disk; `running` asks broker and
systemd how things are; `roll` does it.
"""
