"""What a person put into a view, by the `action_id` of each element ("view_submission", `view.state`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from slackd.slack.choices import chosen_values


class ViewState:
    """The elements of a view's state.

    Elements are asked for by their `action_id`; where two blocks have one of the same, by `block_id`, too.
    """

    def __init__(self, view: Mapping[str, Any]) -> None:
        """`view` is Slack's, as in a `view_submission`."""
        state = view.get("state")
        values = state.get("values") if isinstance(state, Mapping) else None
        self._values: Mapping[str, Any] = values if isinstance(values, Mapping) else {}

    def element(self, action_id: str, block_id: str | None = None) -> Mapping[str, Any]:
        """Slack's own words for what was put in.

        Raises:
            KeyError: The view has no such element.
        """
        for block, action, element in self._elements():
            if action == action_id and block_id in (None, block):
                return element
        where = f" in the block {block_id!r}" if block_id is not None else ""
        raise KeyError(f"the view has no element with the action_id {action_id!r}{where}")

    def text(self, action_id: str, block_id: str | None = None) -> str:
        """What was typed or chosen, the first of several, "" for nothing.

        Raises:
            KeyError: The view has no such element.
        """
        return next(iter(self.texts(action_id, block_id)), "")

    def texts(self, action_id: str, block_id: str | None = None) -> tuple[str, ...]:
        """All that was chosen, of a multi select or of checkboxes.

        Raises:
            KeyError: The view has no such element.
        """
        return chosen_values(self.element(action_id, block_id))

    def number(self, action_id: str, block_id: str | None = None) -> float | None:
        """The number that was typed, None for nothing.

        Raises:
            KeyError: The view has no such element.
            ValueError: What was typed is no number.
        """
        text = self.text(action_id, block_id)
        return float(text) if text else None

    def block_of(self, action_id: str) -> str:
        """The `block_id` of an element: where an error about it is shown.

        Raises:
            KeyError: The view has no such element.
        """
        for block, action, _ in self._elements():
            if action == action_id:
                return block
        raise KeyError(f"the view has no element with the action_id {action_id!r}")

    def errors(self, **errors: str) -> dict[str, object]:
        """The answer that shows an error at each of these elements, by `action_id`.

        Raises:
            KeyError: The view has no such element.
        """
        shown = {self.block_of(action_id): text for action_id, text in errors.items()}
        return {"response_action": "errors", "errors": shown}

    def __iter__(self) -> Iterator[str]:
        """The `action_id`s."""
        return (action for _, action, _ in self._elements())

    def _elements(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for block, actions in self._values.items():
            if isinstance(actions, Mapping):
                for action, element in actions.items():
                    if isinstance(element, Mapping):
                        yield block, action, element
