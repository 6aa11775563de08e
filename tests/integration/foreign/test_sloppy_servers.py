"""Socket Mode servers that keep fewer rules than Slack: a connector works where any reasonable client would."""

import asyncio
import contextlib
import json
import zlib
from collections.abc import Awaitable, Callable

import pytest

from tests.integration.foreign.sloppy_slack import (
    BINARY,
    CLOSE,
    HELLO,
    PING,
    PONG,
    TEXT,
    Line,
    SloppySlack,
    Witness,
    close,
    dialled,
    event,
    frame,
    sloppy,
    text,
)
from tests.support.connector_rig import Rig

FULL_HELLO = (
    '{"type":"hello","num_connections":2,"debug_info":{"host":"applink-1","build_number":10,'
    '"approximate_connection_time":18060},"connection_info":{"app_id":"A111"}}'
)


async def still_works(line: Line, witness: Witness) -> None:
    """An envelope goes out and is acknowledged; then the line stays open."""
    line.write(text(event(99)))
    while not (await line.ack()).endswith("99"):
        pass
    witness.note("works")
    await line.until_the_end()


async def works_against(
    script: Callable[[Line, Witness], Awaitable[None]], prepare: Callable[[SloppySlack], None] = lambda _: None
) -> Rig:
    """Dial a server whose every WebSocket runs this, and see that an envelope passes in the end."""
    witness = Witness()

    async def play(line: Line, number: int) -> None:
        await script(line, witness)
        await still_works(line, witness)

    async with sloppy(play) as slack:
        prepare(slack)
        async with dialled(slack) as rig:
            await witness.of(1)
            await rig.ready()
        assert len(slack.opened) == 1
    return rig


@pytest.mark.parametrize(
    "hello",
    [
        HELLO,
        FULL_HELLO,
        '{ "debug_info" : null,\n "num_connections": "two", "connection_info": [], "type" : "hello" }\n',
        '{"type":"hello","envelope_id":null}',
        '{"type":"hello","envelope_id":""}',
        '{"num_connections":-1,"debug_info":{"approximate_connection_time":"18060"},"type":"hello"}',
        '{"num_connections":1e400,"debug_info":{"approximate_connection_time":0.001},"type":"hello"}',
        '{"type":"hello","debug_info":"applink-1","num_connections":true}',
    ],
)
async def test_a_hello_is_a_hello_whatever_else_it_says(hello: str) -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(text(hello))

    await works_against(script)


async def test_envelopes_without_a_hello_are_as_good_as_one() -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(text(event(1)))
        assert (await line.ack()).endswith("1")

    await works_against(script)


async def test_a_hello_that_comes_after_envelopes_still_tells_how_long_the_connection_lives() -> None:
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(event(1)))
        await line.ack()
        line.write(text(FULL_HELLO))
        await still_works(line, witness)

    async with sloppy(script) as slack, dialled(slack) as rig:
        await witness.of(1)
        (connection,) = rig.connector.status().transports[0].connections
        assert (connection.phase, connection.lifetime, connection.host) == ("ready", 18_060, "applink-1")


async def test_what_comes_in_one_segment_with_the_handshake_is_read() -> None:
    async def script(line: Line, witness: Witness) -> None:
        assert [await line.ack(), await line.ack()] == [
            json.loads(event(number))["envelope_id"] for number in (1, 2)
        ]

    def prepare(slack: SloppySlack) -> None:
        slack.greeting = text(FULL_HELLO) + text(event(1)) + text(event(2))

    await works_against(script, prepare)


async def test_a_frame_may_come_byte_by_byte() -> None:
    async def script(line: Line, witness: Witness) -> None:
        await line.write_slowly(text(FULL_HELLO) + text(event(1, "é→🙂")))
        assert (await line.ack()).endswith("1")

    rig = await works_against(script)
    assert json.loads(rig.broker.arrivals[0].text)["payload"]["event"]["text"] == "é→🙂"


async def test_a_message_may_come_in_fragments_with_pings_between_and_cut_inside_of_a_letter() -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(text(HELLO))
        whole = event(1, "é→🙂" * 50).encode()
        pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
        for number, piece in enumerate(pieces):
            line.write(frame(TEXT if number == 0 else 0, piece, final=number == len(pieces) - 1))
            line.write(frame(PING, b"Ping from applink-%d" % number))
        pongs = [await line.of_kind(PONG) for _ in pieces[:-1]]
        assert pongs == [b"Ping from applink-%d" % number for number in range(len(pieces) - 1)]

    rig = await works_against(script)
    assert json.loads(rig.broker.arrivals[0].text)["payload"]["event"]["text"] == "é→🙂" * 50


async def test_binary_frames_are_read_as_text() -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(frame(BINARY, HELLO.encode()) + frame(BINARY, event(1).encode()))
        assert (await line.ack()).endswith("1")

    await works_against(script)


async def test_an_envelope_of_ten_megabytes_is_taken() -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(text(HELLO) + text(event(1, "x" * 10 * 1024 * 1024)))
        assert (await line.ack()).endswith("1")

    rig = await works_against(script)
    assert len(rig.broker.arrivals[0].text) > 10 * 1024 * 1024


@pytest.mark.parametrize(
    "envelope",
    [
        '{ "accepts_response_payload" : false ,\r\n\t"type":"events_api", "payload" : {}, "envelope_id": "1" }',
        '{"envelope_id":"not a UUID, and \\"quoted\\" 1","type":"events_api","payload":{}}',
        '{"envelope_id":"1","type":"tomorrow_s_type","payload":[1,2]}',
    ],
)
async def test_an_envelope_may_be_written_in_another_way(envelope: str) -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(text(HELLO) + text(envelope))
        assert (await line.ack()).endswith("1")

    rig = await works_against(script)
    assert rig.broker.arrivals[0].text == envelope


@pytest.mark.parametrize("payload", [b"", b"Ping from applink-1", "é".encode(), bytes(range(125))])
async def test_a_ping_is_answered_with_its_own_payload(payload: bytes) -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(text(HELLO) + frame(PING, payload))
        assert await line.of_kind(PONG) == payload

    await works_against(script)


async def test_pings_as_json_texts_and_unasked_pongs_do_no_harm() -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(text(HELLO) + text('{"type":"ping"}') + frame(PONG, b"unasked") + text("ping") + text(""))

    await works_against(script)


async def test_acknowledgements_that_come_back_are_not_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    async def script(line: Line, witness: Witness) -> None:
        line.write(text(HELLO))
        for number in range(3):
            line.write(text(event(number)))
            acknowledgement = await line.of_kind(TEXT)
            line.write(frame(TEXT, acknowledgement) * 2)

    rig = await works_against(script)
    assert len(rig.broker.arrivals) == 4
    warnings = [each for each in caplog.records if "sends acknowledgements back" in each.getMessage()]
    assert len(warnings) == 1


async def test_compression_that_nobody_asked_for_is_read_or_ends_in_a_new_dial() -> None:
    """The oldest aiohttp unpacks it, today's refuses it."""
    packer = zlib.compressobj(wbits=-15)
    packed = (packer.compress(HELLO.encode()) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        slack.more_headers = ""
        line.write(frame(TEXT, packed, reserved=4) if number == 1 else text(HELLO))
        await still_works(line, witness)

    async with sloppy(script) as slack:
        slack.more_headers = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        async with dialled(slack) as rig:
            await witness.of(1)
            await rig.ready()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1009, 1011, 1012, 4999, None])
async def test_whichever_way_it_closes_it_is_dialled_once_again(code: int | None) -> None:
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        if number == 1:
            line.write(frame(CLOSE, b"") if code is None else close(code))
            return
        await still_works(line, witness)

    async with sloppy(script) as slack, dialled(slack) as rig:
        await witness.of(1)
        await rig.ready()
        assert len(slack.opened) == 2


@pytest.mark.parametrize(
    "last",
    [
        b"",
        frame(CLOSE, b"\x03"),
        frame(3, b"?"),
        frame(TEXT, b"\xff\xfe"),
        frame(TEXT, b"half", final=False),
        frame(0, b"the middle of nothing"),
        b"\x81\xff1234masked by a server",
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
async def test_whatever_breaks_it_off_it_is_dialled_once_again(last: bytes) -> None:
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        if number == 1:
            line.write(last)
            return
        await still_works(line, witness)

    async with sloppy(script) as slack, dialled(slack) as rig:
        await witness.of(1)
        await rig.ready()
        assert len(slack.opened) == 2


@pytest.mark.parametrize(
    "disconnect",
    [
        '{"type":"disconnect","reason":"warning"}',
        '{"type":"disconnect","reason":"refresh_requested","debug_info":null}',
        '{"reason":"tomorrow\'s reason", "type" : "disconnect"}',
        '{"type":"disconnect"}',
        '{"type":"disconnect","reason":{"a":["list"]},"envelope_id":null}',
        '{"type":"disconnect","reason":"too_many_websockets"}',
    ],
)
@pytest.mark.parametrize("then", ["cut", "close", "silence"])
async def test_after_a_disconnect_there_is_one_new_connection(disconnect: str, then: str) -> None:
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        if number > 1:
            await still_works(line, witness)
            return
        line.write(text(disconnect) + (close(1000) if then == "close" else b""))
        if then != "cut":
            await line.until_the_end()

    async with sloppy(script) as slack, dialled(slack) as rig:
        await witness.of(1)
        await rig.ready()
        assert len(slack.opened) == 2


async def test_too_many_websockets_for_ever_is_no_dial_loop() -> None:
    refused = asyncio.Event()

    async def script(line: Line, number: int) -> None:
        line.write(text('{"type":"disconnect","reason":"too_many_websockets"}') + close(1000))
        await line.until_the_end()
        refused.set()

    async with sloppy(script) as slack, dialled(slack) as rig:
        await refused.wait()
        await rig.broker.until(lambda: "too_many_websockets" in rig.broker.cues())
        assert rig.broker.phases("c1-foreign-1") == ["dialling", "backoff"]
        assert rig.connector.status().transports[0].last_failure.startswith("disconnect (too_many_websockets)")
        assert len(slack.opened) == 1


async def test_a_server_that_never_pings_is_asked_and_left_alone_while_it_answers() -> None:
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        for _ in range(4):
            line.write(frame(PONG, await line.of_kind(PING)))
        await still_works(line, witness)

    async with sloppy(script) as slack, dialled(slack, stall_timeout=1.0) as rig:
        await witness.of(1)
        assert rig.broker.cues() == ["retry due", "hello"]
        assert len(slack.opened) == 1


async def test_a_server_that_never_pings_nor_answers_is_replaced() -> None:
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        if number == 1:
            await line.until_the_end()
        await still_works(line, witness)

    async with sloppy(script) as slack, dialled(slack, stall_timeout=1.0) as rig:
        await witness.of(1)
        assert rig.broker.phases("c1-foreign-1")[:3] == ["dialling", "ready", "retiring"]


async def test_a_server_that_pinged_and_falls_silent_is_replaced_without_being_asked() -> None:
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO) + frame(PING, b"1"))
        if number > 1:
            await still_works(line, witness)
        kinds = []
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kinds.append((await line.frame())[0])
        witness.note(kinds)

    async with sloppy(script) as slack, dialled(slack, stall_timeout=1.0):
        seen = await witness.of(2)
        assert [PONG] in seen


async def pinging(line: Line) -> None:
    while True:
        line.write(frame(PING, b"alive"))
        await asyncio.sleep(0.2)


async def test_a_server_that_sends_on_and_reads_no_further_is_replaced() -> None:
    """Once it has answered a ping, a Pong that is missing tells: the kernel takes small acknowledgements."""
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        if number > 1:
            await still_works(line, witness)
            return
        alive = asyncio.ensure_future(pinging(line))
        line.write(text(event(1)))
        line.write(frame(PONG, await line.of_kind(PING)))
        line.write(text(event(2)))
        await asyncio.Event().wait()
        alive.cancel()

    async with sloppy(script) as slack, dialled(slack, stall_timeout=1.0) as rig:
        await witness.of(1)
        assert rig.broker.phases("c1-foreign-1")[:3] == ["dialling", "ready", "retiring"]
        assert len(slack.opened) == 2


async def test_a_server_that_takes_no_more_acknowledgements_is_replaced() -> None:
    """Though it has answered no ping yet: what fills the kernel can't be written."""
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        if number > 1:
            await still_works(line, witness)
            return
        line.pause_reading()
        for envelope in range(600):
            line.write(text(event(envelope)))
        await pinging(line)

    async with sloppy(script) as slack, dialled(slack, stall_timeout=1.0) as rig:
        rig.broker.payload = json.dumps({"text": "x" * 19_000})
        await witness.of(1)
        assert rig.broker.phases("c1-foreign-1")[:3] == ["dialling", "ready", "retiring"]
        assert len(slack.opened) == 2


async def test_a_server_that_never_answers_pings_is_left_alone_while_it_reads() -> None:
    witness = Witness()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        alive = asyncio.ensure_future(pinging(line))
        for envelope in range(12):
            line.write(text(event(envelope)))
            await line.ack()
            await asyncio.sleep(0.15)
        await still_works(line, witness)
        alive.cancel()

    async with sloppy(script) as slack, dialled(slack, stall_timeout=0.6) as rig:
        await witness.of(1)
        assert rig.broker.cues() == ["retry due", "hello"]
        assert len(slack.opened) == 1


async def test_a_server_that_never_answers_our_close_does_not_hold_up_the_end() -> None:
    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        await asyncio.Event().wait()

    async with sloppy(script) as slack, dialled(slack) as rig:
        await rig.ready()
        async with asyncio.timeout(20):
            await rig.connector.drain(10)


async def test_a_server_that_says_hello_and_hangs_up_is_not_dialled_in_a_loop() -> None:
    enough = asyncio.Event()

    async def script(line: Line, number: int) -> None:
        line.write(text(HELLO))
        if number >= 8:
            enough.set()

    async with sloppy(script) as slack, dialled(slack):
        async with asyncio.timeout(60):
            await enough.wait()
        times = [at for at, _ in slack.opened]
        assert times[7] - times[0] > 1.0
