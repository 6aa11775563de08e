"""What an author writes with: patterns, matchers, errors that name the mistake, builders, a view's state."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from slackd import jsonrpc
from slackd.plugin import Context, Envelope, InvalidAnswer, InvalidHandler, Plugin, SlackError, builders
from slackd.plugin.answers import Ack, Answer, Nack
from slackd.plugin.slack import Slack, current_envelope


class Caller:
    """Answers calls by method, in order, and keeps what was asked for."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        return self.request_from_thread(method, params)

    def request_from_thread(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        self.asked.append((method, params))
        return jsonrpc.Result(1, self.answers.pop(0) if self.answers else {"ok": True})


class Post:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.given: list[dict[str, Any]] = []
        self.responses: list[tuple[str, str, Any]] = []

    def answer_now(self, delivery: str, response: Mapping[str, Any]) -> None:
        self.given.append(dict(response))

    def answer(self, delivery: str, answer: Answer) -> None:
        self.answers.append(answer)

    def extend(self, delivery: str) -> None: ...

    def respond(self, app: str, url: str, message: Any) -> None:
        self.responses.append((app, url, dict(message)))


def chosen(plugin: Plugin, envelope: Envelope) -> Any:
    route = plugin.routes.find(envelope)
    return None if route is None else route.handler(envelope)


class TestMessages:
    def test_a_text_or_a_regular_expression_chooses(self) -> None:
        plugin = Plugin("p")
        plugin.event("message")(lambda _: "any")
        plugin.message("help (me)")(lambda _: "text")
        plugin.message(re.compile(r"deploy (\w+)"))(lambda _: "pattern")
        assert chosen(plugin, builders.message("please help (me)!")) == "text"
        assert chosen(plugin, builders.message("deploy api")) == "pattern"
        assert chosen(plugin, builders.message("hello")) == "any"

    def test_edits_and_deletions_are_no_messages_that_somebody_writes(self) -> None:
        plugin = Plugin("p")
        plugin.message("deploy")(lambda _: "said")
        edit = builders.event("message", subtype="message_changed", message={"text": "deploy api", "ts": "1.0"})
        assert chosen(plugin, edit) is None
        assert chosen(plugin, builders.message("deploy", subtype="thread_broadcast")) == "said"

    def test_a_matcher_says_yes_or_no(self) -> None:
        plugin = Plugin("p")
        plugin.command("/deploy", when=lambda envelope: envelope.user == "UADMIN")(lambda _: "admin")
        plugin.command("/deploy")(lambda _: "everybody")
        assert chosen(plugin, builders.command("/deploy", user="UADMIN")) == "admin"
        assert chosen(plugin, builders.command("/deploy")) == "everybody"

    def test_a_steps_handler_goes_before_the_events(self) -> None:
        plugin = Plugin("p")
        plugin.event("function_executed")(lambda _: "any")
        plugin.step("sample")(lambda _: "sample")
        assert chosen(plugin, builders.step("sample")) == "sample"
        assert chosen(plugin, builders.step("other")) == "any"


class TestDecorators:
    @pytest.mark.parametrize("kind", ["event", "command", "action", "view", "shortcut", "options", "step"])
    def test_one_that_is_not_called_names_the_mistake(self, kind: str) -> None:
        with pytest.raises(InvalidHandler, match=rf"before it decorates: @plugin\.{kind}\(\)"):
            getattr(Plugin("p"), kind)(lambda envelope: None)

    @pytest.mark.parametrize(
        ("handler", "words"),
        [
            (lambda: None, "it must take 1 or 2 arguments"),
            (lambda a, b, c: None, "called with the Envelope, and perhaps a Context"),
            (lambda *, envelope: None, "it must take 1 or 2 arguments"),
            ("deploy", "'deploy' is no function"),
        ],
    )
    def test_a_wrong_signature_is_found_when_it_is_registered(self, handler: Any, words: str) -> None:
        with pytest.raises(InvalidHandler, match=words):
            Plugin("p").command("/deploy")(handler)

    def test_a_generator_is_no_handler_since_calling_it_does_nothing(self) -> None:
        def said(envelope: Envelope) -> Iterator[int]:
            yield 1

        async def heard(envelope: Envelope) -> AsyncIterator[int]:
            yield 1

        class Object:
            def __call__(self, envelope: Envelope) -> Iterator[int]:
                yield 1

        for handler in (said, heard, partial(said), Object()):
            with pytest.raises(InvalidHandler, match="has a yield in it"):
                Plugin("p").event("app_mention")(handler)

    @pytest.mark.parametrize("kind", ["event", "message", "command", "action", "view", "step", "envelope"])
    def test_a_matcher_says_yes_or_no_without_being_awaited(self, kind: str) -> None:
        async def is_admin(envelope: Envelope) -> bool:
            return False

        class Object:
            async def __call__(self, envelope: Envelope) -> bool:
                return False

        for when in (is_admin, partial(is_admin), Object()):
            with pytest.raises(InvalidHandler, match="is a plain function: nobody awaits what it says"):
                getattr(Plugin("p"), kind)("x", when=when)
        with pytest.raises(InvalidHandler, match="says of an Envelope yes or no, not 7"):
            getattr(Plugin("p"), kind)("x", when=7)

    def test_a_matcher_that_gives_what_must_be_awaited_has_not_said_yes(self) -> None:
        async def is_admin(envelope: Envelope) -> bool:
            return False

        plugin = Plugin("p")
        plugin.command("/deploy", when=lambda envelope: is_admin(envelope))(lambda _: "deployed")
        plugin.message("deploy", when=lambda envelope: is_admin(envelope))(lambda _: "deployed")
        for envelope in (builders.command("/deploy"), builders.message("deploy")):
            with pytest.raises(InvalidHandler, match="gave what must be awaited"):
                plugin.routes.find(envelope)

    def test_hooks_are_checked_too(self) -> None:
        with pytest.raises(InvalidHandler, match="the Late notice"):
            Plugin("p").late()(lambda: None)  # type: ignore[type-var]
        with pytest.raises(InvalidHandler, match="the exception, the Envelope"):
            Plugin("p").error()(lambda error: None)  # type: ignore[type-var]
        assert InvalidHandler.__mro__.index(TypeError)

    def test_a_ready_hook_takes_what_slackd_said_or_nothing(self) -> None:
        without, with_it = Plugin("p"), Plugin("p")
        without.ready()(lambda: None)
        with_it.ready()(lambda said: None)
        assert [each.routes.of("ready")[0].arguments for each in (without, with_it)] == [0, 1]
        with pytest.raises(InvalidHandler, match="called with nothing, or with what slackd said"):
            Plugin("p").ready()(lambda said, more: None)  # type: ignore[type-var]

    @pytest.mark.parametrize(("name", "meant"), [("channel", "channels"), ("group", "groups")])
    def test_a_place_that_slack_calls_otherwise(self, name: str, meant: str) -> None:
        with pytest.raises(InvalidHandler, match=rf"message\.{meant}"):
            Plugin("p").event(f"message.{name}")

    def test_nothing_has_an_empty_name(self) -> None:
        with pytest.raises(InvalidHandler, match="is for all"):
            Plugin("p").action("")


class TestRespond:
    def test_as_often_as_there_is_something_to_say(self) -> None:
        post, envelope = Post(), builders.command("/report")
        context = Context(envelope, post)
        context.respond("one moment")
        context.respond("half of it")
        context.respond({"text": "done"})
        assert post.answers == [Ack({"text": "one moment"})]
        assert post.responses == [
            ("main", envelope.response_url, {"text": "half of it"}),
            ("main", envelope.response_url, {"text": "done"}),
        ]

    def test_what_a_handler_returns_after_an_answer_is_one_more(self) -> None:
        post = Post()
        context = Context(builders.command("/report"), post)
        context.respond("one moment")
        context.finish("done")
        assert [message for _, _, message in post.responses] == [{"text": "done"}]

    def test_a_second_answer_that_has_nowhere_to_go_is_refused_with_a_word(self) -> None:
        context = Context(builders.submission("order"), Post())
        context.respond({"response_action": "clear"})
        with pytest.raises(InvalidAnswer, match="no response_url that a second answer could go to"):
            context.respond({"text": "thanks"})


class TestRespondAndKeep:
    def test_it_answers_now_and_what_ends_the_delivery_comes_later(self) -> None:
        post = Post()
        context = Context(builders.click("approve"), post)
        context.respond("working on it", keep=True)
        assert (post.given, post.answers, context.answered) == ([{"text": "working on it"}], [], False)
        context.finish(None)
        assert (post.answers, post.responses) == ([Ack()], [])

    def test_a_modal_can_be_answered_and_kept(self) -> None:
        post = Post()
        context = Context(builders.submission("order"), post)
        context.respond({"response_action": "clear"}, keep=True)
        assert post.given == [{"response_action": "clear"}]
        context.nack("the kitchen is closed")
        assert isinstance(post.answers[0], Nack)

    def test_the_second_answer_is_a_message_and_ends_it_unless_it_keeps_it_too(self) -> None:
        post = Post()
        context = Context(builders.command("/report"), post)
        context.respond("one moment", keep=True)
        context.respond("half of it", keep=True)
        assert not context.answered
        context.respond("done")
        assert post.given == [{"text": "one moment"}]
        assert [message["text"] for _, _, message in post.responses] == ["half of it", "done"]
        assert post.answers == [Ack()]

    def test_the_next_attempt_does_not_give_it_a_second_time(self) -> None:
        post = Post()
        context = Context(replace(builders.command("/report"), answered=True), post)
        context.respond("one moment", keep=True)
        context.finish("done")
        assert (post.given, post.answers) == ([], [Ack()])
        assert [message["text"] for _, _, message in post.responses] == ["done"]

    def test_nor_does_it_where_the_next_attempt_answers_at_its_end(self) -> None:
        post = Post()
        Context(replace(builders.submission("order"), answered=True), post).finish({"response_action": "clear"})
        assert (post.given, post.answers, post.responses) == ([], [Ack()], [])

    def test_nobody_waits_for_an_answer_to_an_event(self) -> None:
        with pytest.raises(InvalidAnswer, match="say posts a message"):
            Context(builders.message("hi"), Post()).respond("hello", keep=True)


class TestSlack:
    async def test_say_posts_where_the_envelope_comes_from(self) -> None:
        caller = Caller()
        envelope = builders.message("hi", channel="C9", thread="1.0")
        await Context(envelope, Post(), Slack(caller)).say("hello", thread=True)
        ((_, params),) = caller.asked
        assert params["method"] == "chat.postMessage"
        assert params["args"] == {"channel": "C9", "text": "hello", "thread_ts": "1.0"}

    async def test_a_custom_step_is_completed_once_however_often_it_is_tried(self) -> None:
        caller, envelope = Caller(), builders.step("sample", {"who": "U1"})
        context = Context(envelope, Post(), Slack(caller))
        assert envelope.inputs == {"who": "U1"}
        await context.complete({"message": "done"})
        await context.fail("no such user")
        (_, done), (_, failed) = caller.asked
        assert done["args"] == {"outputs": {"message": "done"}, "function_execution_id": "Fx111"}
        assert (failed["method"], failed["args"]["error"]) == ("functions.completeError", "no such user")
        assert done["call_id"] == f"{envelope.delivery}/functions.completeSuccess"

    async def test_what_is_no_step_cannot_be_completed(self) -> None:
        with pytest.raises(InvalidAnswer, match="this is none"):
            await Context(builders.message("x"), Post(), Slack(Caller())).complete()

    async def test_pages_follow_the_cursor_to_its_end(self) -> None:
        pages = [
            {"ok": True, "channels": [1, 2], "response_metadata": {"next_cursor": "b"}},
            {"ok": True, "channels": [3], "response_metadata": {"next_cursor": ""}},
        ]
        caller = Caller(*pages)
        found = [each async for each in Slack(caller).each("conversations.list", "channels", limit=2)]
        assert found == [1, 2, 3]
        assert [params["args"] for _, params in caller.asked] == [{"limit": 2}, {"limit": 2, "cursor": "b"}]

    async def test_a_method_goes_by_its_own_name(self) -> None:
        caller = Caller()
        await Slack(caller).chat_postMessage(channel="C1", text="hi", call_id="mine")
        ((_, params),) = caller.asked
        assert (params["method"], params["args"], params["call_id"]) == (
            "chat.postMessage",
            {"channel": "C1", "text": "hi"},
            "mine",
        )
        with pytest.raises(AttributeError, match="Slack has no method 'post'"):
            Slack(caller).post  # noqa: B018

    async def test_a_call_names_the_delivery_for_which_it_is_made(self) -> None:
        caller = Caller()
        token = current_envelope.set(Envelope("7", 1, "main", "x", 0.0, None, {}))
        await Slack(caller).call("api.test")
        current_envelope.reset(token)
        params = caller.asked[0][1]
        assert (params["delivery"], params["app"]) == ("7.1", "main")

    async def test_a_response_url_that_is_used_up_is_slacks_no(self) -> None:
        caller = Caller({"status": 404, "body": {"ok": False, "error": "used_url"}})
        with pytest.raises(SlackError, match="used_url"):
            await Slack(caller).respond("https://hooks.slack.com/x", "late")
        assert caller.asked[0][1]["message"] == {"text": "late"}


class TestViewState:
    def test_elements_by_their_action_id(self) -> None:
        envelope = builders.submission("order", {"what": "tea", "cups": "2"})
        assert envelope.state.text("what") == "tea"
        assert envelope.state.number("cups") == 2.0
        assert list(envelope.state) == ["what", "cups"]
        with pytest.raises(KeyError, match="no element with the action_id 'who'"):
            envelope.state.text("who")

    def test_an_error_is_shown_at_the_block_of_its_element(self) -> None:
        state = builders.submission("order", {"what": ""}).state
        assert state.errors(what="What would you like?") == {
            "response_action": "errors",
            "errors": {"block_what": "What would you like?"},
        }


@pytest.mark.parametrize(
    ("envelope", "kind", "names"),
    [
        (builders.message("x"), "event", ("message.channels", "message")),
        (builders.mention("x"), "event", ("app_mention",)),
        (builders.command("/x"), "command", ("/x",)),
        (builders.click("x"), "action", ("x",)),
        (builders.submission("x"), "view", ("x",)),
        (builders.closed("x"), "view_closed", ("x",)),
        (builders.shortcut("x"), "shortcut", ("x",)),
        (builders.message_shortcut("x", "text"), "shortcut", ("x",)),
        (builders.options("x"), "options", ("x",)),
    ],
)
def test_what_is_built_goes_to_the_handler_it_is_meant_for(
    envelope: Envelope, kind: str, names: tuple[str, ...]
) -> None:
    from slackd.plugin.matching import subject

    assert subject(envelope) == (kind, names)


def test_a_line_for_the_log_goes_to_stderr_before_the_plugin_runs(capsys: pytest.CaptureFixture[str]) -> None:
    Plugin("deploybot").log("reading the configuration")
    assert capsys.readouterr().err == "deploybot: info: reading the configuration\n"


def imports(modules: str) -> tuple[float, str]:
    """Seconds of work in which a fresh interpreter imports these, the least of some; and what is slow of it."""
    code = (
        f"import time; began = time.process_time(); import {modules}; took = time.process_time() - began; "
        "import sys; print(took, sorted({'asyncio', 'attrs', 'aiohttp', 'logging'} & set(sys.modules)))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(5)
    ]
    took, _, slow = min(runs, key=lambda run: float(run.split()[0])).partition(" ")
    return float(took), slow.strip()


def test_importing_the_sdk_costs_little_more_than_what_it_needs_of_the_standard_library() -> None:
    """Compared in one run, since a loaded machine is slow at both: 30 ms in all on an idle one."""
    library, _ = imports("dataclasses, enum, fnmatch, inspect, json, re, traceback, contextvars")
    sdk, slow = imports("slackd.plugin")
    assert slow == "[]"
    assert sdk < 5 * library


LIBRARY = {
    *("__future__", "abc", "ast", "collections", "contextlib", "contextvars", "copy", "copyreg"),
    *("dataclasses", "dis", "enum", "fnmatch", "functools", "importlib", "inspect", "itertools", "json"),
    *("keyword", "linecache", "math", "opcode", "operator", "os", "re", "reprlib", "textwrap", "token"),
    *("tokenize", "traceback", "types", "typing", "warnings", "weakref"),
}
"""What the SDK may import of the standard library when it is imported, in any Python that it runs with."""


def test_importing_the_sdk_imports_nothing_that_its_first_line_does_not_need() -> None:
    code = "import sys; before = set(sys.modules); import slackd.plugin; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    roots = {name.split(".")[0] for name in done.stdout.split()}
    assert {name for name in roots if not name.startswith("_")} | {"__future__"} <= LIBRARY | {"slackd"}
