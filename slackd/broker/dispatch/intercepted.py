"""The ordering keys of what one person does while somebody develops a plugin as that person. Pure.

Such a delivery has a key of its own, which names the person, so that it never waits for what production has in
flight, nor the other way round; and the key says whom it is for to whoever reads the journal later.

    main/C1            ─▶ dev:main/U0123 main/C1
    control:main/C1    ─▶ control:dev:main/U0123 main/C1
    ""                 ─▶ dev:main/U0123 <envelope_id>
"""

from typing import Final

from slackd.broker.dispatch.subscriptions import CONTROL

INTERCEPTED: Final = "dev:"
_BEGINNINGS: Final = (INTERCEPTED, CONTROL + INTERCEPTED)


def person_of_user(app: str, user: str) -> str:
    """The name of a person: an id of a user means something in one app's workspace alone."""
    return f"{app}/{user}"


def intercepted_key(person: str, key: str, envelope_id: str) -> str:
    """The ordering key of an intercepted delivery.

    Args:
        person: As of `person_of_user`.
        key: The key that it would have otherwise; "" for a delivery that nothing orders.
        envelope_id: Makes a key that no other delivery has, where nothing orders them.
    """
    if key.startswith(CONTROL):
        return f"{CONTROL}{INTERCEPTED}{person} {key.removeprefix(CONTROL)}"
    return f"{INTERCEPTED}{person} {key or envelope_id}"


def is_intercepted(key: str) -> bool:
    """Whether the delivery with this key is one person's, for whoever develops the plugin."""
    return key.startswith(_BEGINNINGS)


def intercepted_person(key: str) -> str:
    """The person whom an intercepted delivery is of; "" if it is none."""
    return key.removeprefix(CONTROL)[len(INTERCEPTED) :].partition(" ")[0] if is_intercepted(key) else ""
