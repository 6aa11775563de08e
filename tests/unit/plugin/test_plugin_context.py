"""What handlers say about a delivery, and where slackd is looked for."""

import copy
import os
import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from slackd import jsonrpc
from slackd.plugin import (
    CallFailed,
    Context,
    Envelope,
    InvalidAnswer,
    NotJsonError,
    Permanent,
    PluginRefused,
    Retry,
    SlackError,
    TooLarge,
)
from slackd.plugin.address import SYSTEM_SOCKET, socket_path
from slackd.plugin.answers import Ack, Answer, Nack
from slackd.plugin.backoff import reconnect_delay
from slackd.plugin.nacks import as_nack


class Post:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.extended = 0

    def answer(self, delivery: str, answer: Answer) -> None:
        assert delivery == "7"
        self.answers.append(answer)

    def answer_now(self, delivery: str, response: Mapping[str, Any]) -> None:
        raise AssertionError("nothing is kept here")

    def extend(self, delivery: str) -> None:
        self.extended += 1

    def respond(self, app: str, url: str, message: Mapping[str, Any]) -> None:
        raise AssertionError("nothing is said twice here")


def envelope(type_: str = "slash_commands") -> Envelope:
    return Envelope("7", 1, "main", type_, 0.0, None, {})


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def context(post: Post) -> Context:
    return Context(envelope(), post)


class TestContext:
    def test_the_first_answer_counts(self, context: Context, post: Post) -> None:
        context.respond("on it")
        context.nack("oops")
        context.ack()
        assert post.answers == [Ack({"text": "on it"})]
        assert context.answered

    def test_a_response_is_what_it_was_when_it_was_given(self, context: Context, post: Post) -> None:
        payload: dict[str, Any] = {"blocks": []}
        context.respond(payload)
        payload["blocks"].append("later")
        assert post.answers == [Ack({"blocks": []})]

    def test_what_cannot_be_sent_leaves_it_unanswered(self, context: Context, post: Post) -> None:
        with pytest.raises(NotJsonError):
            context.respond({"x": float("nan")})
        with pytest.raises(TooLarge):
            context.respond("x" * jsonrpc.MAX_LINE_FROM_PLUGIN)
        with pytest.raises(TypeError):
            context.respond([])  # type: ignore[arg-type]
        assert not context.answered
        assert post.answers == []

    def test_a_text_is_a_response_to_commands_alone(self, post: Post) -> None:
        with pytest.raises(TypeError, match="interactive"):
            Context(envelope("interactive"), post).respond("hi")

    @pytest.mark.parametrize("after", [-1.0, float("nan"), float("inf"), 10**400])
    def test_a_retry_is_some_seconds_from_now(self, context: Context, after: float) -> None:
        with pytest.raises(ValueError, match="seconds"):
            context.nack(retry_after=after)
        with pytest.raises(ValueError, match="seconds"):
            Retry(after=after)
        assert not context.answered

    def test_a_nack(self, context: Context, post: Post) -> None:
        context.nack("x" * 10_000, retry_after=2, permanent=True)
        [nack] = post.answers
        assert isinstance(nack, Nack)
        assert (len(nack.reason), nack.retry_after, nack.permanent) == (2_000, 2, True)

    def test_extend_only_before_the_answer(self, context: Context, post: Post) -> None:
        context.extend()
        context.ack()
        context.extend()
        assert post.extended == 1


class TestReturnValues:
    @staticmethod
    def answer_of(value: Any, type_: str = "slash_commands") -> Answer:
        post = Post()
        Context(envelope(type_), post).finish(value)
        [answer] = post.answers
        return answer

    def test_nothing_and_dictionaries_and_texts(self) -> None:
        assert self.answer_of(None) == Ack()
        assert self.answer_of({"text": "x"}) == Ack({"text": "x"})
        assert self.answer_of("x") == Ack({"text": "x"})

    def test_for_an_event_every_value_means_handled(self) -> None:
        assert self.answer_of({"ok": True}, "events_api") == Ack()
        assert self.answer_of(object(), "events_api") == Ack()

    def test_others_are_mistakes(self) -> None:
        with pytest.raises(TypeError, match="list"):
            self.answer_of([])


class TestWhatIsRaised:
    def test_a_mistake_of_the_handlers_is_not_cured_by_another_attempt(self) -> None:
        for mistake in (
            InvalidAnswer("after is in seconds from now, not -1"),
            NotJsonError("a value can't be sent as JSON"),
            TooLarge("a response of 2000000 bytes"),
        ):
            nack = as_nack(mistake)
            assert nack.permanent
            assert type(mistake).__name__ in nack.reason
            assert str(mistake) in nack.reason

    @pytest.mark.parametrize("code", [jsonrpc.METHOD_NOT_GRANTED, jsonrpc.UNKNOWN_APP])
    def test_what_the_file_does_not_grant_it_grants_at_no_attempt(self, code: int) -> None:
        nack = as_nack(CallFailed("chat.postMessage", code, "write this line"))
        assert nack.permanent
        assert "write this line" in nack.reason
        assert not as_nack(CallFailed("chat.postMessage", jsonrpc.SLACK_UNAVAILABLE, "later")).permanent

    def test_others_are_tried_again(self) -> None:
        assert as_nack(TypeError("no")) == Nack("TypeError: no")
        assert as_nack(Retry("busy", after=2)) == Nack("busy", 2)
        assert as_nack(Permanent("never")) == Nack("never", permanent=True)

    def test_a_time_of_another_type_is_a_mistake(self) -> None:
        with pytest.raises(InvalidAnswer, match="a number, not str"):
            Retry(after="5")  # type: ignore[arg-type]

    def test_whatever_the_author_made_of_a_retry_it_is_an_answer(self) -> None:
        class Bare(Retry):
            def __init__(self) -> None:
                pass

            def __str__(self) -> str:
                raise RuntimeError

        assert as_nack(Bare()) == Nack("a Bare without words")
        changed = Retry("busy")
        changed.after = -1
        assert as_nack(changed).permanent

    def test_what_a_task_of_the_handlers_raised_counts_as_if_the_handler_had(self) -> None:
        assert as_nack(ExceptionGroup("", [Permanent("never")])) == Nack("never", permanent=True)
        assert as_nack(ExceptionGroup("", [ExceptionGroup("", [Retry("busy", after=2)])])) == Nack("busy", 2)
        assert not as_nack(ExceptionGroup("", [Permanent("never"), OSError()])).permanent

    def test_errors_reach_another_process_as_they_are(self) -> None:
        failed = CallFailed("chat.postMessage", -32003, "write this line", {"line": 1})
        slack = SlackError("chat.postMessage", {"ok": False, "error": "not_in_channel"})
        for error in (failed, slack, PluginRefused(-32001, "no such plugin"), Retry("busy", after=2)):
            for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
                assert type(again) is type(error)
                assert str(again) == str(error)
                assert vars(again) == vars(error)


class TestAddress:
    def test_the_argument_beats_the_environment(self) -> None:
        environment = {"SLACKD_PLUGINS_SOCKET": "/b", "XDG_RUNTIME_DIR": "/run/user/1"}
        assert socket_path("/a", environment) == "/a"
        assert socket_path(None, environment) == "/b"

    def test_the_systems_socket_beats_the_users_own_if_it_is_there(self) -> None:
        environment = {"XDG_RUNTIME_DIR": "/run/user/1"}
        assert socket_path(None, environment, exists=lambda _: True) == SYSTEM_SOCKET
        assert socket_path(None, environment, exists=lambda _: False) == "/run/user/1/slackd/plugins.sock"

    def test_without_a_folder_of_the_session_it_is_where_slackd_run_puts_it(self) -> None:
        def found(*, own: bool) -> str:
            return socket_path(None, {}, exists=lambda _: False, is_own=lambda folder: own)

        assert found(own=True) == f"/tmp/slackd-{os.geteuid()}/plugins.sock"
        assert found(own=False) == SYSTEM_SOCKET, "somebody else's folder in /tmp"


class TestReconnecting:
    def test_fast_at_first_and_never_slower_than_two_seconds(self) -> None:
        assert reconnect_delay(0, 0.0) == pytest.approx(0.01)
        assert reconnect_delay(0, 1.0) == pytest.approx(0.05)
        assert reconnect_delay(10**6, 1.0) == 2.0
        assert all(reconnect_delay(n, 0.5) <= reconnect_delay(n + 1, 0.5) for n in range(20))
