"""What passes between slackd and one program, as lines to read: envelopes, answers, calls. Pure."""

from typing import Any

from slackd import jsonrpc
from slackd.local.traffic import TrafficLine, tail
from slackd.slack.facets import facets


class ProtocolView:
    """Both directions of one connection.

    Attributes:
        is_open: slackd has accepted the program.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._from_slackd = jsonrpc.LineReader(jsonrpc.MAX_LINE_TO_PLUGIN)
        self._from_program = jsonrpc.LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN)
        self._deliveries: dict[str, str] = {}
        self._calls: dict[int | str, str] = {}

    def heard(self, data: bytes) -> list[TrafficLine]:
        """Return the lines of what slackd said."""
        lines = [self._of_slackd(message) for message in self._from_slackd.receive(data)]
        return [line for line in lines if line is not None]

    def said(self, data: bytes) -> list[TrafficLine]:
        """Return the lines of what the program said."""
        lines = [self._of_program(message) for message in self._from_program.receive(data)]
        return [line for line in lines if line is not None]

    def _of_slackd(self, message: jsonrpc.Message) -> TrafficLine | None:
        match message:
            case jsonrpc.Request(id_, "envelope", params):
                name = self._deliveries[str(id_)] = _name(params)
                again = f" (again, attempt {params['attempt']})" if params.get("attempt", 1) != 1 else ""
                return TrafficLine("slack", f"▶ {params.get('type', '')} {name}{again}")
            case jsonrpc.Result(id_, result):
                call = self._calls.pop(id_, None)
                if call is None:
                    self.is_open = True
                elif isinstance(result, dict) and result.get("ok") is False:
                    return TrafficLine("failed", f"✗ {call}: {result.get('error')}")
            case jsonrpc.Failure(id_, _, text):
                call = self._calls.pop(id_, "slackd") if id_ is not None else "slackd"
                return TrafficLine("failed", f"✗ {call}: {text}")
            case jsonrpc.Notification("late", params):
                name = self._deliveries.get(str(params.get("id")), "an answer")
                how = "went through the response_url" if params.get("sent") else "reached nobody"
                return TrafficLine("late", f"◀ {name}: its answer {how}")
        return None

    def _of_program(self, message: jsonrpc.Message) -> TrafficLine | None:
        match message:
            case jsonrpc.Request(id_, "slack.call", params):
                name = self._calls[id_] = str(params.get("method"))
                return TrafficLine("call", f"◀ {name}{tail(params.get('args'))}")
            case jsonrpc.Request(id_, "answer", params):
                self._calls[id_] = "an answer"
                name = self._deliveries.get(str(params.get("id")), "an answer")
                return TrafficLine("answer", f"◀ {name} answered, and kept{tail(params.get('response'))}")
            case jsonrpc.Request(id_, "slack.respond", params):
                self._calls[id_] = "a post to the response_url"
                return TrafficLine("answer", f"◀ through the response_url{tail(params.get('message'))}")
            case jsonrpc.Request(id_, "slack.upload" | "slack.download" as method, _):
                self._calls[id_] = method
            case jsonrpc.Result(id_, result):
                name = self._deliveries.get(str(id_), "an answer")
                response = result.get("response") if isinstance(result, dict) else None
                return TrafficLine("answer", f"◀ {name} handled{tail(response)}")
            case jsonrpc.Failure(id_, _, text):
                return TrafficLine("failed", f"✗ {self._deliveries.get(str(id_), 'an answer')}: {text}")
            case jsonrpc.Notification("log", params):
                return TrafficLine("plugin", f"{params.get('level', 'info')}: {params.get('message', '')}")
        return None


def _name(params: dict[str, Any]) -> str:
    envelope = params.get("envelope")
    payload = envelope.get("payload") if isinstance(envelope, dict) else None
    if not isinstance(payload, dict):
        return "(unreadable)"
    about = facets(str(params.get("type", "")), payload)
    names = (about.command, ", ".join(about.action_ids), about.callback_id, *about.events[-1:], about.kind)
    return next((name for name in names if name), "")
