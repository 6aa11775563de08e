"""A lifecycle as SVG: states on a grid, one arrow for each pair of states, labelled with every cue.

Three kinds of arrow are told apart by the places of their ends: to the next column of the same row (straight,
the label below), further along the same row (over the top, each in a lane of its own), and between rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import attrs

from slackd.advise.lifecycles import Arrow, Lifecycle, places

WIDTH, HEIGHT = 104, 40
GAP = 132
LINE = 13
MARGIN = 16
INK, QUIET, PAPER = "#1f2933", "#52606d", "#ffffff"
EMPHASIS, PLAIN, WAITING = "#dff3e4", "#f4f6f8", "#fdf3d7"

STYLE = (
    ".lifecycle text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;fill:" + INK + "}"
    ".lifecycle .state{font-size:12.5px;font-weight:650;letter-spacing:.02em;text-anchor:middle}"
    ".lifecycle .cue{font-size:10.5px;fill:" + QUIET + ";paint-order:stroke;stroke:" + PAPER + ";"
    "stroke-width:4px;stroke-linejoin:round}"
    ".lifecycle path{fill:none;stroke:" + QUIET + ";stroke-width:1.3}"
    ".lifecycle rect{stroke:" + INK + ";stroke-width:1.2}"
)


@attrs.frozen
class ArrowRoute:
    """An arrow's way over the canvas, and where its label stands (x, y of the last line's baseline)."""

    arrow: Arrow
    points: tuple[tuple[float, float], ...]
    label: tuple[float, float]
    anchor: str
    grows_down: bool


@attrs.define
class _Canvas:
    """The grid in pixels: the lanes above the first row and the labels between rows decide its height."""

    lifecycle: Lifecycle
    place: dict[str, tuple[int, int]] = attrs.field(init=False)
    lanes: list[list[Arrow]] = attrs.field(init=False)
    left: float = attrs.field(init=False)
    top: float = attrs.field(init=False)
    row_gap: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.place = places(self.lifecycle)
        self.lanes = self._lanes()
        upright = [a for a in self.lifecycle.arrows if self._upright(a)]
        widest = max((len(cue) for a in upright for cue in a.cues if self._column(a.start) == 0), default=0)
        self.left = MARGIN + max(0, widest * 5.6 + 20 - WIDTH / 2)
        self.top = MARGIN + sum(self._lane_height(lane) for lane in self.lanes) + 8
        self.row_gap = max([5, *(len(a.cues) for a in upright)]) * LINE + 26

    def _column(self, state: str) -> int:
        return self.place[state][0]

    def _row(self, state: str) -> int:
        return self.place[state][1]

    def _upright(self, arrow: Arrow) -> bool:
        return self._column(arrow.start) == self._column(arrow.end)

    def x(self, state: str) -> float:
        return self.left + WIDTH / 2 + self._column(state) * (WIDTH + GAP)

    def y(self, state: str) -> float:
        return self.top + HEIGHT / 2 + self._row(state) * (HEIGHT + self.row_gap)

    @property
    def size(self) -> tuple[int, int]:
        columns = max(column for column, _ in self.place.values())
        rows = max(row for _, row in self.place.values())
        width = self.left + (columns + 1) * WIDTH + columns * GAP + MARGIN
        return round(width), round(self.top + HEIGHT + rows * (HEIGHT + self.row_gap) + MARGIN)

    def _over(self, arrow: Arrow) -> bool:
        same_row = self._row(arrow.start) == self._row(arrow.end)
        return same_row and self._column(arrow.end) - self._column(arrow.start) != 1

    def _lanes(self) -> list[list[Arrow]]:
        """Give each arrow over the top a lane, short ones lowest, so that none crosses another lengthwise."""
        lanes: list[list[Arrow]] = []
        over = [arrow for arrow in self.lifecycle.arrows if self._over(arrow)]
        for arrow in sorted(over, key=lambda a: abs(self._column(a.end) - self._column(a.start))):
            for lane in lanes:
                if all(self._apart(arrow, other) for other in lane):
                    lane.append(arrow)
                    break
            else:
                lanes.append([arrow])
        return lanes

    def _apart(self, one: Arrow, other: Arrow) -> bool:
        def span(arrow: Arrow) -> tuple[int, int]:
            first, last = sorted((self._column(arrow.start), self._column(arrow.end)))
            return first, last

        (a, b), (c, d) = span(one), span(other)
        return b <= c or d <= a

    @staticmethod
    def _lane_height(lane: list[Arrow]) -> float:
        return 16 + LINE * max(len(arrow.cues) for arrow in lane)

    def lane_y(self, arrow: Arrow) -> float:
        y = self.top - 8
        for lane in self.lanes:
            if arrow in lane:
                return y - 8
            y -= self._lane_height(lane)
        raise KeyError(arrow)

    def routes(self) -> Iterator[ArrowRoute]:
        for arrow in self.lifecycle.arrows:
            if self._over(arrow):
                yield self._over_the_top(arrow)
            elif self._row(arrow.start) == self._row(arrow.end):
                yield self._straight(arrow)
            elif self._upright(arrow):
                yield self._up_or_down(arrow)
            else:
                yield self._between_rows(arrow)

    def _straight(self, arrow: Arrow) -> ArrowRoute:
        y = self.y(arrow.start)
        start, end = self.x(arrow.start) + WIDTH / 2, self.x(arrow.end) - WIDTH / 2
        return ArrowRoute(arrow, ((start, y), (end, y)), ((start + end) / 2 - 3, y + LINE + 2), "middle", True)

    def _over_the_top(self, arrow: Arrow) -> ArrowRoute:
        """Leave at the top's right, arrive at its left, the label in the first gap, where nothing goes up."""
        lane = self.lane_y(arrow)
        arriving = [a for level in self.lanes for a in level if a.end == arrow.end]
        leaving = [a for level in self.lanes for a in level if a.start == arrow.start]
        start = self.x(arrow.start) + 14 + 16 * (len(leaving) - 1 - leaving.index(arrow))
        end = self.x(arrow.end) - 38 + 18 * (len(arriving) - 1 - arriving.index(arrow))
        top = self.y(arrow.start) - HEIGHT / 2
        points = ((start, top), (start, lane), (end, lane), (end, top))
        towards = 1 if end > start else -1
        first_gap = self.x(arrow.start) + towards * (WIDTH + GAP) / 2
        return ArrowRoute(arrow, points, (first_gap, lane - 5), "middle", False)

    def _up_or_down(self, arrow: Arrow) -> ArrowRoute:
        down = self._row(arrow.end) > self._row(arrow.start)
        x = self.x(arrow.start) + (-14 if down else 14)
        edge = HEIGHT / 2 if down else -HEIGHT / 2
        start, end = self.y(arrow.start) + edge, self.y(arrow.end) - edge
        middle = (start + end) / 2 - LINE * (len(arrow.cues) - 1) / 2 + 4
        return ArrowRoute(
            arrow, ((x, start), (x, end)), (x - 7 if down else x + 7, middle), "end" if down else "start", True
        )

    def _between_rows(self, arrow: Arrow) -> ArrowRoute:
        """Down into the side of a state below, or out of its side and up; what arrives has the upper port."""
        down = self._row(arrow.end) > self._row(arrow.start)
        upper, lower = (arrow.start, arrow.end) if down else (arrow.end, arrow.start)
        rightwards = self._column(upper) > self._column(lower)
        side = self.x(lower) + (WIDTH / 2 if rightwards else -WIDTH / 2)
        lane = self.y(lower) + (-9 if down else 9)
        turn = self.x(upper) + (0 if down else 14)
        bottom = self.y(upper) + HEIGHT / 2
        points = ((turn, bottom), (turn, lane), (side, lane))
        label = ((side + self.x(upper)) / 2 if down else side + (turn - side) * 0.62, lane - 5)
        return ArrowRoute(arrow, points if down else points[::-1], label, "middle", False)


def draw_svg(lifecycle: Lifecycle) -> str:
    """Draw a lifecycle as one SVG element, with nothing outside of it.

    Returns:
        The element's text.
    """
    canvas = _Canvas(lifecycle)
    width, height = canvas.size
    head = f"arrow-{lifecycle.id}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" class="lifecycle" '
        f'aria-label="{escape(lifecycle.title)}">',
        f"<title>{escape(lifecycle.title)}</title><style>{STYLE}</style>",
        f'<defs><marker id="{head}" viewBox="0 0 8 8" refX="7.4" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0.5 0.8 7.4 4 0.5 7.2z" style="fill:{QUIET};stroke:none"/></marker></defs>',
        f'<path d="M{canvas.x(lifecycle.begins) - WIDTH / 2 - 26:.0f} {canvas.y(lifecycle.begins):.0f}h23" '
        f'marker-end="url(#{head})"/>',
    ]
    routes = list(canvas.routes())
    parts += [_line(route, head) for route in routes]
    for state in lifecycle.states:
        x, y = canvas.x(state.id), canvas.y(state.id)
        fill = EMPHASIS if state.emphasis else PLAIN if canvas.place[state.id][1] == 0 else WAITING
        parts.append(
            f'<g data-state="{escape(state.id)}"><title>{escape(state.meaning)}</title>'
            f'<rect x="{x - WIDTH / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{WIDTH}" height="{HEIGHT}" rx="7" '
            f'fill="{fill}"/>'
            f'<text class="state" x="{x:.1f}" y="{y + 4.5:.1f}">{escape(state.id.upper())}</text></g>'
        )
    parts += [_label(route) for route in routes]
    return "\n".join([*parts, "</svg>"])


def _line(route: ArrowRoute, head: str) -> str:
    return (
        f'<path data-from="{escape(route.arrow.start)}" data-to="{escape(route.arrow.end)}" '
        f'd="{_rounded(route.points)}" marker-end="url(#{head})"/>'
    )


def _label(route: ArrowRoute) -> str:
    x, y = route.label
    if not route.grows_down:
        y -= LINE * (len(route.arrow.cues) - 1)
    lines = "".join(
        f'<tspan x="{x:.1f}" y="{y + LINE * index:.1f}">{escape(cue)}</tspan>'
        for index, cue in enumerate(route.arrow.cues)
    )
    return (
        f'<text class="cue" text-anchor="{route.anchor}" data-from="{escape(route.arrow.start)}" '
        f'data-to="{escape(route.arrow.end)}">{lines}</text>'
    )


def _rounded(points: tuple[tuple[float, float], ...], radius: float = 9) -> str:
    """A path through the points, with rounded corners."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for before, corner, following in zip(points, points[1:], points[2:], strict=False):
        into, out = _towards(corner, before, radius), _towards(corner, following, radius)
        path += f"L{into[0]:.1f} {into[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {out[0]:.1f} {out[1]:.1f}"
    return path + f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"


def _towards(corner: tuple[float, float], point: tuple[float, float], distance: float) -> tuple[float, float]:
    (x, y), (u, v) = corner, point
    length = max(abs(u - x), abs(v - y)) or 1
    share = min(distance, length / 2) / length
    return x + (u - x) * share, y + (v - y) * share
