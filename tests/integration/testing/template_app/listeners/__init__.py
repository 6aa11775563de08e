"""All of the app's listeners."""

from listeners import greeting, ordering


def register_listeners(app):
    greeting.register(app)
    ordering.register(app)
