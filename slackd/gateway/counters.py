"""What the gateway has done, in numbers, for its metrics and its status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

_HELP: Final = {
    "envelopes": ("envelopes_total", "Envelopes sent to apps, by what became of them."),
    "calls": ("calls_total", "Web API calls of apps, by their outcome."),
    "posts": ("posts_total", "Deliveries posted to request URLs, by the answer's status."),
    "refusals": ("refusals_total", "Requests with no good credentials, by what was wrong."),
    "files": ("file_bytes_total", "Bytes of files, by direction."),
}


class GatewayCounters:
    """Counters by plugin and outcome."""

    def __init__(self) -> None:
        self.envelopes: Counter[tuple[str, str]] = Counter()
        self.calls: Counter[tuple[str, str]] = Counter()
        self.posts: Counter[tuple[str, str]] = Counter()
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.files: Counter[tuple[str, str]] = Counter()

    def of(self, plugin: str) -> dict[str, dict[str, int]]:
        """That plugin's, by kind and outcome."""
        kinds: Mapping[str, Counter[tuple[str, str]]] = vars(self)
        return {
            kind: {outcome: number for (name, outcome), number in counted.items() if name == plugin}
            for kind, counted in kinds.items()
        }

    def render(self, connections: Mapping[str, int]) -> str:
        """All of them as Prometheus reads them."""
        return "\n".join(self._lines(connections)) + "\n"

    def _lines(self, connections: Mapping[str, int]) -> Iterator[str]:
        yield "# HELP slackd_gateway_connections Socket Mode connections of apps that are READY."
        yield "# TYPE slackd_gateway_connections gauge"
        for plugin, number in sorted(connections.items()):
            yield f'slackd_gateway_connections{{plugin="{plugin}"}} {number}'
        for kind, (name, words) in _HELP.items():
            yield f"# HELP slackd_gateway_{name} {words}"
            yield f"# TYPE slackd_gateway_{name} counter"
            for (plugin, outcome), number in sorted(getattr(self, kind).items()):
                yield f'slackd_gateway_{name}{{plugin="{plugin}",outcome="{outcome}"}} {number}'
