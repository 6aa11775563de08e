"""What can go wrong between the process and the host."""

from slackd import SlackdError


class ServiceError(SlackdError):
    """The process cannot take its place on this host."""


class SocketTaken(ServiceError):
    """Another process answers on the socket."""


class SocketUnusable(ServiceError):
    """A socket cannot be made at its path, or what was passed is no listening socket."""
