"""What the pool wants done: values that the machine makes and the transport carries out."""

from slackd.connector.socketmode.lifecycle import Cue
from slackd.link.messages import AppTrouble, ConnectionState
from slackd.slotted import frozen


@frozen
class Dial:
    """Ask Slack for a URL and open a WebSocket under this name."""

    connection: str


@frozen
class CloseConnection:
    """Send what is to be acknowledged, then Close, and go on reading until Slack's; a dial is given up."""

    connection: str


@frozen
class Abort:
    """End the socket, or the dial, at once."""

    connection: str


@frozen
class Ping:
    """Ask the far end for a sign of life."""

    connection: str


@frozen
class EndWaiting:
    """What came over it, and comes, is to wait no longer for plugins' answers: there is no quiet moment else.

    `everything`: also what has no other way for an answer than the acknowledgement.
    """

    connection: str
    everything: bool


@frozen
class Moved:
    """A life entered another phase; `Changed` of the link, but for its number."""

    state: ConnectionState
    cue: Cue
    at: float
    ghost_until: float | None = None
    detail: str = ""


@frozen
class Troubled:
    """The app fell into trouble, or (reason "") came out of it."""

    trouble: AppTrouble


@frozen
class Said:
    """Something for the log."""

    level: int
    event: str
    text: str


Action = Dial | CloseConnection | Abort | Ping | EndWaiting | Moved | Troubled | Said
