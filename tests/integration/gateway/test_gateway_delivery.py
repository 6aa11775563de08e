"""The gateway's Socket Mode and Web API, message by message: who gets what, when again, and who is refused."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import trustme
from slack_sdk.errors import SlackApiError

from slackd.config import load
from slackd.emulator import Emulator, EmulatorClient
from slackd.gateway import socket_mode
from slackd.gateway.call_turns import AT_ONCE
from slackd.rolling_restart.plan import GATEWAY
from slackd.rolling_restart.systemd import look
from slackd.systemd.digest import Side, process_digest
from tests.integration.gateway.gateway_rig import SOCKET_MODE, GatewayHouse, behind
from tests.integration.gateway.socket_mode_app import PATIENCE, SocketModeApp, call, connected

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUICK = SOCKET_MODE + '[delivery]\nack_timeout = "1s"\nbackoff = { initial = "0.1s", max = "1s" }\n'


@pytest_asyncio.fixture(loop_scope="module")
async def slack() -> AsyncIterator[EmulatorClient]:
    async with Emulator().serving() as emulated:
        yield emulated


async def test_a_ticket_is_good_for_one_connection(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    credentials = await shared_house.credentials("bot")
    status, answer = await call(credentials, "apps.connections.open", credentials.app_token)
    assert (status, answer["ok"]) == (200, True)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(answer["url"]) as socket:
            assert (await SocketModeApp(socket).hear())["debug_info"]["approximate_connection_time"] == 18_000
        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await session.ws_connect(answer["url"])


@pytest.mark.parametrize("together", [True, False])
async def test_a_command_right_after_hello_reaches_an_app_that_was_long_away(
    slack: EmulatorClient, together: bool
) -> None:
    async with behind(slack, together=together, rules='absent_after = "0.1s"') as house:
        credentials = await house.credentials("bot")
        for _ in range(5):
            await until_refused(slack)
            async with connected(credentials) as app:
                command = slack.command("/deploy", "api")
                while (envelope := await app.hear())["payload"]["text"] != "api":
                    await app.acknowledge(envelope)  # It came before the app was given up.
                await app.acknowledge(envelope, payload={"text": "done"})
                assert (await slack.wait_for_ack(command)).response == {"text": "done"}
            await house.until_connected(count=0)


async def test_a_url_that_was_given_out_is_good_after_a_kill_of_the_gateway(slack: EmulatorClient) -> None:
    """slack_sdk's client on aiohttp dials the same URL until that succeeds."""
    async with behind(slack, together=False) as house, aiohttp.ClientSession() as session:
        credentials = await house.credentials("bot")
        _, answer = await call(credentials, "apps.connections.open", credentials.app_token)
        gateway = house.house.program("gateway")
        gateway.kill()
        await gateway.wait_ready()
        async with session.ws_connect(answer["url"]) as socket:
            assert (await SocketModeApp(socket).hear())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await session.ws_connect(answer["url"])


async def until_refused(slack: EmulatorClient) -> None:
    """The app counts as absent."""
    async with asyncio.timeout(PATIENCE):
        while not (await slack.wait_for_ack(slack.command("/deploy", "too early"))).response:
            pass


async def test_hello_comes_without_a_broker_too(slack: EmulatorClient) -> None:
    async with behind(slack, together=False) as house:
        credentials = await house.credentials("bot")
        await house.house.broker.stop()
        began = time.monotonic()
        async with connected(credentials):
            assert time.monotonic() - began > socket_mode.HELLO_PATIENCE - 0.5


async def test_what_is_not_acknowledged_comes_again_under_the_same_id(slack: EmulatorClient) -> None:
    async with behind(slack, {"bot": QUICK}) as house, connected(await house.credentials("bot")) as app:
        slack.send_event({"type": "reaction_added", "channel": "C1"})
        first, again = await app.hear(), await app.hear()
        assert first["envelope_id"] == again["envelope_id"]
        assert first["payload"] == again["payload"]
        assert (first["retry_attempt"], again["retry_attempt"], again["retry_reason"]) == (0, 1, "timeout")
        await app.acknowledge(again)
        with pytest.raises(TimeoutError):
            await app.hear(1.5)
        assert (await house.app("bot"))["in_flight"] == 0


async def test_a_connection_that_ends_gives_back_what_it_had(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    credentials = await shared_house.credentials("bot")
    async with connected(credentials) as one:
        await shared_house.house.until_status(lambda status: _sessions(status) == 1, "its session")
        command = shared_slack.command("/deploy", "api")
        first = await one.hear()
        async with connected(credentials) as other:
            began = time.monotonic()
            assert one.socket._response.connection is not None
            one.socket._response.connection.transport.abort()  # type: ignore[union-attr]
            again = await other.hear()
            assert (again["envelope_id"], again["retry_attempt"]) == (first["envelope_id"], 1)
            await other.acknowledge(again, payload={"text": "done"})
            assert (await shared_slack.wait_for_answer(command))["text"] == "done"
            assert time.monotonic() - began < 2.0


async def test_an_event_that_the_app_has_no_listener_for_holds_up_nothing(slack: EmulatorClient) -> None:
    async with behind(
        slack, {"bot": SOCKET_MODE + '[delivery]\nack_timeout = "1s"\nbackoff = { initial = "0.1s" }\n'}
    ) as house:
        async with connected(await house.credentials("bot")) as app:
            slack.send_event({"type": "reaction_added", "channel": "C1"})
            slack.send_event({"type": "app_mention", "channel": "C1"})
            unheard = await app.hear()
            again = await app.hear()
            assert (again["envelope_id"], again["retry_attempt"]) == (unheard["envelope_id"], 1)
            mention = await app.hear(0.5)
            assert mention["payload"]["event"]["type"] == "app_mention"
            slack.send_event({"type": "message", "channel": "C1"})
            message = await app.hear(0.5)
            assert message["payload"]["event"]["type"] == "message"
            for each in (mention, message):
                await app.acknowledge(each)
            assert [(await app.hear())["retry_attempt"] for _ in range(2)] == [2, 3]
        await house.house.until_status(lambda status: status["plugins"][0]["dead"] == 1, "a dead letter")
        assert house.house.programs[0].tail().count("did not acknowledge 'reaction_added'") == 1


async def test_a_command_that_the_app_leaves_or_is_slow_to_answer_holds_up_no_other_one(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    async with connected(await shared_house.credentials("bot")) as app:
        left = shared_slack.command("/deploy", "no listener")
        first = await app.hear()
        for words in ("one", "two"):
            command = shared_slack.command("/deploy", words)
            await app.acknowledge(await app.hear(1.0), payload={"text": words})
            assert (await shared_slack.wait_for_ack(command)).response == {"text": words}
        await app.acknowledge(first, payload={"text": "after all"})
        assert (await shared_slack.wait_for_ack(left)).response == {"text": "after all"}


async def test_an_event_that_the_app_left_every_time_is_discarded_where_the_file_says_so(
    slack: EmulatorClient,
) -> None:
    rules = '[delivery]\nack_timeout = "1s"\nmax_attempts = 2\nbackoff = { initial = "0.1s" }\n'
    discards = SOCKET_MODE + 'unacknowledged = "discard"\n' + rules
    async with behind(slack, {"bot": discards}) as house:
        credentials = await house.credentials("bot")
        async with connected(credentials) as app:
            slack.send_event({"type": "reaction_added", "channel": "C1"})
            await app.hear()
            await app.hear()
            with pytest.raises(TimeoutError):  # It answers the ping that goes with the last attempt.
                await app.hear(1.5)
            status = await house.house.until_status(lambda now: not now["plugins"][0]["open"], "no backlog")
            assert status["plugins"][0]["dead"] == 0
            envelopes = (await house.app("bot"))["counters"]["envelopes"]  # type: ignore[index]
            assert (envelopes["sent"], envelopes["redelivered"], envelopes["discarded"]) == (1, 1, 1)
        slack.send_event({"type": "reaction_added", "channel": "C1"})
        async with connected(credentials) as app:
            await app.hear()
        async with connected(credentials) as app:
            assert (await app.hear())["retry_attempt"] == 1
            with pytest.raises(TimeoutError):
                await app.hear(1.5)
        await house.house.until_status(lambda status: status["plugins"][0]["dead"] == 1, "a dead letter")


async def test_one_of_several_connections_gets_each_envelope(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    credentials = await shared_house.credentials("bot")
    async with connected(credentials) as one, connected(credentials) as other:
        await shared_house.house.until_status(lambda status: _sessions(status) == 2, "two sessions")
        entries = [shared_slack.send_event({"type": "reaction_added", "channel": f"C{n}"}) for n in range(20)]
        heard: dict[str, list[str]] = {"one": [], "other": []}

        async def work(name: str, app: SocketModeApp) -> None:
            while True:
                envelope = await app.hear()
                heard[name].append(envelope["payload"]["event_id"])
                await app.acknowledge(envelope)

        workers = [asyncio.create_task(work("one", one)), asyncio.create_task(work("other", other))]
        async with asyncio.timeout(PATIENCE):
            while len(heard["one"]) + len(heard["other"]) < 20:
                await asyncio.sleep(0.01)
        for worker in workers:
            worker.cancel()
    assert sorted(heard["one"] + heard["other"]) == sorted(entry.key for entry in entries)
    assert heard["one"]
    assert heard["other"]


def _sessions(status: dict[str, Any]) -> int:
    sessions = status["plugins"][0]["sessions"]
    return sessions if isinstance(sessions, int) else len(sessions)


async def test_a_token_of_slacks_own_goes_nowhere_and_none_but_the_local_one_is_good(
    shared_slack: EmulatorClient,
    shared_house: GatewayHouse,
) -> None:
    credentials, bot = await shared_house.credentials("bot"), shared_slack.apps[0]
    for method, token in (("chat.postMessage", bot.bot_token), ("apps.connections.open", bot.app_token)):
        before = len(shared_slack.ledger.calls)
        status, answer = await call(credentials, method, token, channel="C1", text="x")
        assert (status, answer["error"]) == (200, "invalid_auth")
        assert "slackctl gateway credentials" in answer["response_metadata"]["messages"][0]
        assert len(shared_slack.ledger.calls) == before
    log = shared_house.house.programs[0].tail()
    assert "a token of Slack's own" in log
    assert bot.bot_token not in log
    assert bot.app_token not in log
    wrong = credentials.bot_token[:-1] + "x"
    for token, error in (("", "not_authed"), (wrong, "invalid_auth"), ("x", "invalid_auth")):
        assert (await call(credentials, "auth.test", token))[1]["error"] == error
    wrong_kind = await call(credentials, "apps.connections.open", credentials.bot_token)
    assert wrong_kind[1]["error"] == "not_allowed_token_type"
    after = await shared_house.credentials("bot", rotate=True)
    assert after.bot_token != credentials.bot_token
    for each in (credentials, after):
        assert (await call(each, "auth.test", each.bot_token))[1]["ok"]


async def test_what_the_file_does_not_grant_is_a_missing_scope_with_the_line_to_write(
    slack: EmulatorClient,
) -> None:
    plugin = SOCKET_MODE.replace('["*"]', '["reactions.*"]')
    async with behind(slack, {"bot": plugin}) as house:
        credentials = await house.credentials("bot")
        _, answer = await call(credentials, "chat.postMessage", credentials.bot_token, channel="C1", text="x")
        assert (answer["error"], answer["needed"]) == ("missing_scope", "chat.postMessage")
        assert 'methods = ["reactions.*", "chat.postMessage"]' in answer["response_metadata"]["messages"][0]
        _, who = await call(credentials, "auth.test", credentials.bot_token)
        assert who["user_id"] == slack.apps[0].bot_user_id
        _, tested = await call(credentials, "api.test", credentials.bot_token, foo="bar")
        assert (tested["ok"], tested["args"]) == (True, {"foo": "bar"}), "it needs no scope"


async def test_a_rate_limit_is_seen_by_who_asks_to_see_it_alone(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    credentials = await shared_house.credentials("bot")
    shared_slack.fault("ratelimited", method="team.info", retry_after=2)
    began = time.monotonic()
    waiting = asyncio.create_task(call(credentials, "team.info", credentials.bot_token))
    await shared_slack.wait_for_call("team.info")
    hasty = {"Prefer": "wait=0"}
    async with aiohttp.ClientSession() as session:
        given = {"Authorization": f"Bearer {credentials.bot_token}", **hasty}
        async with session.post(credentials.api_url + "team.info", headers=given) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "2")
            assert (await response.json())["error"] == "ratelimited"
    status, answer = await waiting
    assert (status, answer["ok"]) == (200, True)
    assert time.monotonic() - began > 1.5


async def test_messages_that_wait_for_a_limit_hold_up_nothing_else(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    credentials = await shared_house.credentials("bot")
    bot = credentials.bot_token
    shared_slack.fault("ratelimited", method="chat.postMessage", retry_after=4, times=1)
    waiting = [
        asyncio.create_task(call(credentials, "chat.postMessage", bot, channel="C0GENERAL01", text="hello"))
        for _ in range(AT_ONCE + 8)
    ]
    await shared_slack.wait_for_call("chat.postMessage")
    async with asyncio.timeout(2.0):
        assert (await call(credentials, "team.info", bot))[1]["ok"]
    assert all(answer["ok"] for _, answer in await asyncio.gather(*waiting))


async def test_a_limit_that_is_longer_than_sdks_wait_is_said_at_once(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    credentials = await shared_house.credentials("bot")
    shared_slack.fault("ratelimited", method="users.list", retry_after=60, times=1)
    client = credentials.web()
    with pytest.raises(SlackApiError) as raised:
        await asyncio.to_thread(client.users_list)
    assert (raised.value.response.status_code, raised.value.response["error"]) == (429, "ratelimited")
    assert raised.value.response.headers["Retry-After"] in ("59", "60")
    assert len(shared_slack.ledger.calls_of("users.list")) == 1


async def test_apps_hear_disconnect_before_the_gateway_ends_and_come_back(slack: EmulatorClient) -> None:
    async with behind(slack, together=False) as house:
        config = load(house.house.config)
        now = await asyncio.to_thread(look, config)
        assert now.digest(GATEWAY) == process_digest(Side.GATEWAY, config), "so a reload knows what to restart"
        credentials = await house.credentials("bot")
        async with connected(credentials) as app:
            slack.send_event({"type": "reaction_added", "channel": "C1"})
            envelope = await app.hear()
            house.house.program("gateway").terminate()
            farewell = await app.hear()
            assert (farewell["type"], farewell["reason"]) == ("disconnect", "refresh_requested")
            await app.acknowledge(envelope)
            assert await app.hear() == {}
            assert app.socket.close_code == 1001
        await house.house.program("gateway").wait_ready()
        await house.until_up()
        async with connected(credentials) as app:
            with pytest.raises(TimeoutError):
                await app.hear(1.0)


async def test_tls_for_apps_on_the_network(slack: EmulatorClient) -> None:
    authority = trustme.CA()
    async with behind(slack, tls=authority.issue_cert("127.0.0.1")) as house:
        plain = await house.credentials("bot")
        assert plain.api_url.startswith("https://")
        context = secured(authority)
        async with connected(plain, context) as app:
            slack.send_event({"type": "reaction_added", "channel": "C1"})
            await app.acknowledge(await app.hear())


def secured(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
