"""The advice as JSON; `advice.schema.json` beside the rules describes it."""

from __future__ import annotations

import json
from typing import Any

from slackd.advise.advice import Advice, KeptToken
from slackd.advise.datafile import DATA
from slackd.advise.decision import Row, Turn
from slackd.advise.rules import Item, KnockOut, Mode, Step

FORMAT = 1


def as_json(advice: Advice) -> str:
    """The advice as JSON, in the form that `advice.schema.json` describes."""
    return json.dumps(_document(advice), indent=2, ensure_ascii=False) + "\n"


def schema() -> str:
    """The JSON Schema of what `as_json` gives."""
    return (DATA / "advice.schema.json").read_text(encoding="utf-8")


def _document(advice: Advice) -> dict[str, Any]:
    decision = advice.decision
    return {
        "format": FORMAT,
        "title": advice.title,
        "context": {
            given.question: {"answer": given.answer, "says": given.says, "assumed": given.assumed}
            for given in advice.context
        },
        "recommendation": {
            "mode": advice.mode.value,
            "answer": advice.answer,
            "because": list(advice.because),
            "by": decision.by,
            "margin": round(decision.margin, 1),
            "closeness": decision.closeness,
            "for_it": list(advice.for_it),
            "against_it": list(advice.against_it),
            "turns": [_turn(turn) for turn in advice.turns],
        },
        "matrix": {
            "criteria": [_row(advice, row) for row in decision.rows],
            "totals": {mode.value: round(decision.totals[mode], 1) for mode in Mode},
        },
        "knockouts": [_knockout(advice, entry) for entry in decision.knocked_out],
        "lifecycle": _lifecycle(advice),
        "connections": _connections(advice),
        "guidance": [
            {"id": c.id, "title": c.title, "items": [_item(advice, item) for item in c.items]}
            for c in advice.chapters
        ],
        "checklist": [_step(step) for step in advice.steps],
        "tokens": [_token(advice, entry) for entry in advice.tokens],
        "sources": [
            {"page": source.page, "kind": source.kind, "url": source.url, "how": source.how}
            for source in advice.sources
        ],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    weight = {"criterion": turn.weight[0], "beyond": round(turn.weight[1], 2)} if turn.weight else None
    return {
        "change": turn.change,
        "to": turn.to.value,
        "with": turn.with_,
        "answers": dict(turn.answers),
        "weight": weight,
    }


def _row(advice: Advice, row: Row) -> dict[str, Any]:
    cells = {
        mode.value: {"score": cell.score, "reason": cell.reason, "source": advice.page(cell.source)}
        for mode, cell in row.cells.items()
    }
    return {"id": row.criterion, "title": row.title, "asks": row.asks, "weight": row.weight, "scores": cells}


def _knockout(advice: Advice, entry: KnockOut) -> dict[str, Any]:
    return {
        "id": entry.id,
        "mode": entry.mode.value,
        "reason": entry.reason,
        "source": advice.page(entry.source),
        "way_out": {"title": entry.way_out.title, "text": entry.way_out.text} if entry.way_out else None,
    }


def _lifecycle(advice: Advice) -> dict[str, Any]:
    lifecycle = advice.lifecycle
    return {
        "title": lifecycle.title,
        "table": lifecycle.table,
        "begins": lifecycle.begins,
        "states": [{"id": s.id, "meaning": s.meaning, "emphasis": s.emphasis} for s in lifecycle.states],
        "transitions": [{"from": a.start, "cues": list(a.cues), "to": a.end} for a in lifecycle.arrows],
    }


def _connections(advice: Advice) -> dict[str, Any] | None:
    plan = advice.plan
    if plan is None:
        return None
    return {
        "ready": plan.connectors * plan.each * plan.hosts,
        "hosts": plan.hosts,
        "connectors": plan.connectors,
        "each": plan.each,
        "limit": advice.connection_limit,
        "why": plan.why,
    }


def _item(advice: Advice, item: Item) -> dict[str, Any]:
    return {
        "text": item.text,
        "code": item.code,
        "command": item.command,
        "source": advice.page(item.source) if item.source else None,
        "planned": item.planned,
    }


def _step(step: Step) -> dict[str, Any]:
    return {"phase": step.phase, "do": step.do, "command": step.command, "planned": step.planned}


def _token(advice: Advice, entry: KeptToken) -> dict[str, Any]:
    token = entry.token
    return {
        "name": token.name,
        "form": token.form,
        "purpose": token.purpose,
        "lives": entry.lives,
        "readers": entry.readers,
        "rotation": token.rotation,
        "source": advice.page(token.source),
        "planned": token.planned,
    }
