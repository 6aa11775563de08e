"""The operators' interface: status, health, metrics and operator actions over HTTP on a Unix socket.

`status` and `health` say how things stand, `deadletters`, `replay` and `backup` do what an operator asks for,
`events` lets people watch, `routes` is the one table from path to handler and `server` serves it. Importing
this package alone costs nothing: HTTP is imported by `server`.
"""
