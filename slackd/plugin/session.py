"""The plugin's side of the protocol as a state machine: bytes and events in, actions out. No I/O, no clock.

A session outlives its connections. What the program has in flight and what it answered last is kept here, so
that a connection that ends at any byte costs neither an answer nor a second start:

- The program chooses the session's id and keeps it (rule R4 of the design). On every connection it says first
  what it is `holding`: the deliveries in flight, and the answers it gave last, at least as many in each lane as
  the window lets slackd deliver; then it sends those answers again (R8). slackd takes what it still lacks,
  ignores the rest, and delivers again at once what isn't claimed, since that was never read.
- Nothing that an ended connection still brings is looked at: slackd may have given it to somebody else by then.
- `initialize` names the journal that deliveries are of. If that is another one than before (a backup was put
  back, or slackd began anew), the remembered answers are forgotten.
- A delivery is started once. If the same attempt comes again, it is answered from memory or left to the work
  in hand. If a *newer* attempt of a delivery in flight comes (the work took longer than the ack timeout), the
  work goes on and its outcome answers the newer attempt: the older one's answer would be ignored, and two
  handlers at work on one delivery are what nobody wants. A newer attempt of what was handled well, too late,
  gets that same answer.
- An answer that is given while the work goes on (`answer_now`) is remembered until slackd says that its journal
  has it, and goes ahead of what ends the delivery on every connection until then.

- Deliveries may come ahead of their turn (`ahead`), each after one of the same ordering key: it is begun when
  that one is answered. If that one is nacked, or isn't this session's, it is thrown away: slackd takes it back
  by the same rule, and delivers it again. What waits is no work in hand: it isn't claimed on a new connection.

    DOWN ──connected──▶ INITIALIZING ──result──▶ READY ──disconnected──▶ DOWN
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slackd import jsonrpc
from slackd.plugin.actions import (
    Action,
    CallFinished,
    Complaint,
    InitializeRefused,
    Notified,
    Send,
    Start,
    StreamBroken,
)
from slackd.plugin.answer_memory import AnswerMemory, AnswerNow, LastAnswer
from slackd.plugin.answers import Ack, Answer
from slackd.plugin.early_deliveries import EarlyDeliveries
from slackd.plugin.envelope import Envelope
from slackd.plugin.errors import TooLarge
from slackd.plugin.parsing import envelope_of, notice_of, ready_of

PROTOCOL: Final = 1
_INITIALIZE_ID: Final = 0
_REMEMBERS: Final = 2_000
"""Answers kept beyond as many as fit into the windows: what slackd may be writing to its journal at a time.
Where they are fewer, a flood waits for the journal: with 512, of 40,000 events 12,000 were handled when all
were acknowledged, with these 20,000."""
_LOG_LIMIT: Final = 16_384  # characters


class SessionPhase(enum.Enum):
    """Where a session's connection stands."""

    DOWN = enum.auto()
    INITIALIZING = enum.auto()
    READY = enum.auto()


@dataclass(slots=True)
class _InHand:
    """Work; `unsaid` is an answer for a slackd that takes none before the work's end."""

    attempt: int
    prompt: bool
    unsaid: Mapping[str, Any] | None = None


class Session:
    """One session of one program, over as many connections as it takes.

    Args:
        session: An id that no other session has.
        window: Deliveries at once, fewer than the plugin's file allows; None is as many as it does, 0 is none
            at all: the connection is for calls alone.
        restarts: A newer attempt of a delivery in flight is started again: for a program that passes deliveries
            on to others, whose silence it can't tell from work.
        handlers: Kind and pattern of each handler: slackd says for which of them it will have nothing.
        ahead: Deliveries that it takes ahead of their turn.
    """

    def __init__(
        self,
        plugin: str,
        session: str,
        *,
        client: Mapping[str, str],
        window: int | None = None,
        restarts: bool = False,
        handlers: Sequence[tuple[str, str]] = (),
        ahead: int = 0,
    ) -> None:
        self.phase = SessionPhase.DOWN
        self._plugin = plugin
        self._session = session
        self._client = dict(client)
        self._window = window
        self._restarts = restarts
        self._handlers = [{"kind": kind, "pattern": pattern} for kind, pattern in handlers]
        self._reader = jsonrpc.LineReader(jsonrpc.MAX_LINE_TO_PLUGIN)
        self._draining = False
        self._ahead, self._early = ahead, EarlyDeliveries()
        self._hears_of_leaving = False
        self._in_hand: dict[str, _InHand] = {}
        self._answers = AnswerMemory()
        self._remembered = 0
        self._journal = ""
        self._calls: dict[int, bytes] = {}
        self._next_call = _INITIALIZE_ID + 1

    @property
    def in_hand(self) -> tuple[str, ...]:
        """The deliveries that were started and not yet answered."""
        return tuple(self._in_hand)

    @property
    def remembers_answers(self) -> bool:
        """Answers were given that slackd may not have read if the connection has ended since."""
        return bool(self._answers)

    def connected(self) -> list[Action]:
        """A new connection stands."""
        self.phase = SessionPhase.INITIALIZING
        self._reader = jsonrpc.LineReader(jsonrpc.MAX_LINE_TO_PLUGIN)
        params: dict[str, Any] = {
            "protocol": PROTOCOL,
            "plugin": self._plugin,
            "client": self._client,
            "session": self._session,
            "holding": self._holding(),
            "remembers": _REMEMBERS,
        }
        if self._ahead:
            params["ahead"] = self._ahead
        if self._window is not None:
            params["window"] = self._window
        if self._handlers:
            params["handlers"] = self._handlers
        lines = [jsonrpc.encode_request(_INITIALIZE_ID, "initialize", params)]
        lines += [self._answers.line_now(delivery, work.attempt) for delivery, work in self._in_hand.items()]
        for delivery, kept in self._answers:
            lines += self._answers.lines(delivery, kept)
        return [Send(b"".join(lines))]

    def disconnected(self) -> None:
        """The connection is gone, or is not to be listened to any more."""
        self.phase = SessionPhase.DOWN
        self._early.clear()

    def drain(self) -> list[Action]:
        """Take no more work: what comes from now on, or waits for its turn, is neither started nor claimed.

        Returns:
            What is to be done next.
        """
        self._draining = True
        self._early.clear()
        return [Send(self._leaving())] if self._hears_of_leaving and self.phase is SessionPhase.READY else []

    def receive(self, data: bytes) -> list[Action]:
        """Bytes of the present connection."""
        actions: list[Action] = []
        if self._is_down():
            return actions
        for message in self._reader.receive(data):
            if type(message) is jsonrpc.Request and message.method == "envelope":
                actions += self._handed(message.id, message.params)
                continue
            actions += self._understand(message)
            if self._is_down():
                break
        return actions

    def answer(self, delivery: str, answer: Answer) -> list[Action]:
        """Work in flight has ended. If the delivery isn't in hand any more, its first answer stands.

        Returns:
            What is to be done next.

        Raises:
            NotJsonError: The response has no JSON text; the delivery stays in hand.
        """
        work = self._in_hand.get(delivery)
        if work is None:
            return []
        if work.unsaid is not None and answer == Ack():
            answer = Ack(work.unsaid)
        kept = LastAnswer(work.attempt, answer)
        line = kept.line(delivery)
        del self._in_hand[delivery]
        self._answers.keep(delivery, kept, prompt=work.prompt)
        if self.phase is SessionPhase.DOWN:
            return []
        if self.phase is SessionPhase.READY:
            self._answers.forget_oldest(self._remembered)
        following = self._turn_passes(delivery, kept)
        return [Send(line, more=bool(following)), *following]

    def answer_now(self, delivery: str, response: Mapping[str, Any]) -> list[Action]:
        """Answer Slack, and go on with the work, which `answer` ends. Once in a delivery; nothing happens if it
        isn't in hand.

        Returns:
            What is to be done next.

        Raises:
            NotJsonError: The response has no JSON text.
        """
        work = self._in_hand.get(delivery)
        if work is None or delivery in self._answers.now:
            return []
        return self._send_answer_now(delivery, work.attempt, response)

    def release(self, delivery: str) -> None:
        """Work in flight is given up unanswered: it is not resumed, and slackd's ack timeout decides."""
        self._in_hand.pop(delivery, None)
        self._answers.now.pop(delivery, None)

    def extend(self, delivery: str) -> list[Action]:
        """Still at work on it: start its ack timeout again. Nothing happens while no connection stands."""
        work = self._in_hand.get(delivery)
        if work is None or self.phase is not SessionPhase.READY:
            return []
        return [Send(jsonrpc.encode_notification("extend", {"id": f"{delivery}.{work.attempt}"}))]

    def unorder(self, delivery: str) -> list[Action]:
        """Later deliveries of its ordering key may be handled before it. Nothing happens while no connection
        stands."""
        work = self._in_hand.get(delivery)
        if work is None or self.phase is not SessionPhase.READY:
            return []
        attempt = f"{delivery}.{work.attempt}"
        return [Send(jsonrpc.encode_notification("unorder", {"id": attempt})), *self._begin_next(attempt)]

    def call(self, method: str, params: dict[str, Any]) -> tuple[int, list[Action]]:
        """A request to slackd; its end comes as `CallFinished` with the number returned here.

        It is sent again on a new connection until it has an answer, so it needs a `call_id` in its params if
        that must not do things twice.

        Raises:
            NotJsonError: The params have no JSON text.
            TooLarge: They don't fit into a line.
        """
        number = self._next_call
        line = jsonrpc.encode_request(number, method, params)
        if len(line) > jsonrpc.MAX_LINE_FROM_PLUGIN:
            raise TooLarge(f"{method}: {len(line)} bytes, slackd takes {jsonrpc.MAX_LINE_FROM_PLUGIN}")
        self._next_call += 1
        self._calls[number] = line
        return number, [Send(line)] if self.phase is SessionPhase.READY else []

    def forget(self, call: int) -> None:
        """Nobody waits for this call any more."""
        self._calls.pop(call, None)

    def log(self, level: str, message: str) -> list[Action]:
        """A line for slackd's journal; lost while no connection stands."""
        if self.phase is not SessionPhase.READY:
            return []
        return [Send(jsonrpc.encode_notification("log", {"level": level, "message": message[:_LOG_LIMIT]}))]

    def _is_down(self) -> bool:
        return self.phase is SessionPhase.DOWN

    def _holding(self) -> list[str]:
        in_hand = (f"{delivery}.{work.attempt}" for delivery, work in self._in_hand.items())
        return [*in_hand, *(f"{delivery}.{kept.attempt}" for delivery, kept in self._answers)]

    def _leaving(self) -> bytes:
        in_hand = [f"{delivery}.{work.attempt}" for delivery, work in self._in_hand.items()]
        return jsonrpc.encode_notification("leaving", {"holding": in_hand})

    def _understand(self, message: jsonrpc.Message) -> list[Action]:
        match message:
            case jsonrpc.Request(id_, method, _):
                return [
                    Send(
                        jsonrpc.encode_failure(
                            id_, jsonrpc.METHOD_NOT_FOUND, f"a plugin has no method {method!r}"
                        )
                    )
                ]
            case jsonrpc.Notification("taken_back", params):
                self._early.take_back(params.get("ids"))
                return []
            case jsonrpc.Notification(method, params):
                notice = notice_of(method, params)
                return [Notified(notice)] if notice else []
            case jsonrpc.Result(id_, result) if (
                id_ == _INITIALIZE_ID and self.phase is SessionPhase.INITIALIZING
            ):
                return self._accepted(result)
            case jsonrpc.Failure(id_, code, text) if (
                id_ in (_INITIALIZE_ID, None) and self.phase is SessionPhase.INITIALIZING
            ):
                self.phase = SessionPhase.DOWN
                return [InitializeRefused(code, text)]
            case jsonrpc.Result(int(id_)) | jsonrpc.Failure(int(id_)):
                if self._calls.pop(id_, None) is not None:
                    return [CallFinished(id_, message)]
                return self._answer_now_ended(id_, message) if self._answers.now else []
            case jsonrpc.Failure(about, code, text):
                return [Complaint(str(about) if about is not None else None, code, text)]
            case jsonrpc.Result():
                return []
            case jsonrpc.Malformed(_, text):
                return self._broken(text)

    def _accepted(self, result: Any) -> list[Action]:
        if not isinstance(result, dict):
            return self._broken("the result of initialize is not an object")
        self.phase = SessionPhase.READY
        self._forget_another_journal(result.get("journal"))
        self._hears_of_leaving = "ahead" in result
        ready = ready_of(result)
        # Only slackd knows for sure which lane a delivery travelled in, so each may have both windows in
        # flight; and a window that shrank must not make us forget what the larger one let out.
        self._remembered = max(
            self._remembered, ready.window + ready.deadline_window + _REMEMBERS + self._ahead
        )
        self._answers.forget_oldest(self._remembered)
        lines = [
            *([self._leaving()] if self._draining and self._hears_of_leaving else []),
            *self._calls.values(),
        ]
        return [ready, Send(b"".join(lines))] if lines else [ready]

    def _forget_another_journal(self, journal: Any) -> None:
        """Answers for another journal's deliveries answer none of this one's. What is in flight goes on: a
        journal that was put back may still have it open, and ids are never used again."""
        if not isinstance(journal, str) or journal == self._journal:
            return
        if self._journal:
            self._answers.forget_all()
        self._journal = journal

    def _broken(self, reason: str) -> list[Action]:
        self.phase = SessionPhase.DOWN
        return [StreamBroken(reason)]

    def _handed(self, id_: int | str, params: dict[str, Any]) -> list[Action]:
        envelope = envelope_of(id_, params)
        if envelope is None:
            text = 'an envelope needs an id "DELIVERY.ATTEMPT", "app", "type", "received_at" and "envelope"'
            return [Send(jsonrpc.encode_failure(id_, jsonrpc.INVALID_PARAMS, text))]
        after = params.get("after")
        if not isinstance(after, str):
            return self._begin(envelope)
        if not self._is_ours(after):
            return self._begin(envelope) if self._is_answered_well(after) else []
        if not self._draining:
            self._early.add(envelope, after)
        return []

    def _begin(self, envelope: Envelope) -> list[Action]:
        """Its turn has come."""
        delivery, attempt, prompt = envelope.delivery, envelope.attempt, envelope.respond_by is not None
        work = self._in_hand.get(delivery)
        if work is not None:
            is_newer = attempt > work.attempt
            if is_newer:
                self._early.drop_behind(f"{delivery}.{work.attempt}")
            work.attempt = max(work.attempt, attempt)
            again = self._answer_now_again(envelope) if is_newer else []
            return [*again, Start(envelope)] if is_newer and self._restarts else again
        kept = self._answers.find(delivery)
        if kept is not None and (kept.attempt == attempt or isinstance(kept.answer, Ack)):
            last = LastAnswer(max(attempt, kept.attempt), kept.answer)
            self._answers.keep_again(delivery, last)
            now = self._answer_now_again(envelope)
            return [*now, Send(last.line(delivery)), *self._turn_passes(delivery, last)]
        if self._draining:
            return []
        if kept is not None:
            self._answers.forget(delivery)
        self._in_hand[delivery] = _InHand(attempt, prompt)
        return [Start(envelope)]

    def _is_answered_well(self, attempt: str) -> bool:
        delivery = attempt.rpartition(".")[0]
        kept = self._answers.find(delivery)
        return kept is not None and isinstance(kept.answer, Ack) and attempt == f"{delivery}.{kept.attempt}"

    def _is_ours(self, attempt: str) -> bool:
        """It is in hand, or waits for its turn."""
        delivery = attempt.rpartition(".")[0]
        work = self._in_hand.get(delivery)
        return attempt in self._early or (work is not None and attempt == f"{delivery}.{work.attempt}")

    def _turn_passes(self, delivery: str, answered: LastAnswer) -> list[Action]:
        """What waits for a delivery is begun when that was handled, and thrown away when it has failed."""
        if not self._early:
            return []
        attempt = f"{delivery}.{answered.attempt}"
        if isinstance(answered.answer, Ack):
            return self._begin_next(attempt)
        self._early.drop_behind(attempt)
        return []

    def _begin_next(self, attempt: str) -> list[Action]:
        envelope = self._early.take_next(attempt)
        return self._begin(envelope) if envelope is not None else []

    def _send_answer_now(self, delivery: str, attempt: int, response: Mapping[str, Any]) -> list[Action]:
        now = AnswerNow(self._next_call, response)
        line = now.line(delivery, attempt)
        self._next_call += 1
        self._answers.now[delivery] = now
        return [] if self._is_down() else [Send(line)]

    def _answer_now_again(self, envelope: Envelope) -> list[Action]:
        """A newer attempt has come: what was said of the older one may have been ignored."""
        now = self._answers.now.pop(envelope.delivery, None)
        if now is None or envelope.answered:
            return []
        return self._send_answer_now(envelope.delivery, envelope.attempt, now.response)

    def _answer_now_ended(self, request: int, outcome: jsonrpc.Result | jsonrpc.Failure) -> list[Action]:
        """slackd's journal has an answer that was given while the work goes on, or it can't be given."""
        delivery = next((each for each, now in self._answers.now.items() if now.request == request), None)
        if delivery is None:
            return []
        work = self._in_hand.get(delivery)
        if isinstance(outcome, jsonrpc.Failure) and outcome.code == jsonrpc.NOT_HELD and work is not None:
            return []  # A newer attempt is on its way, with which it is said again.
        now = self._answers.now.pop(delivery)
        if isinstance(outcome, jsonrpc.Result):
            return []
        if outcome.code == jsonrpc.METHOD_NOT_FOUND and work is not None:
            work.unsaid = now.response
            return []
        return [Complaint(delivery, outcome.code, outcome.message)]
