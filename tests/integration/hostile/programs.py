"""What plugins and other users of the host do to the broker; each runs as a process and user of its own.

    python programs.py NAME SOCKET [UID ...]

Standard library alone, so that it starts at once; an attack goes on until it is killed.
"""

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

MEBIBYTE = 1 << 20


def connect(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.connect(path)
    return made


def line(**message: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


def initialize(name: str, **params: Any) -> bytes:
    return line(id=0, method="initialize", params={"protocol": 1, "plugin": name, **params})


def session(path: str, name: str = "rogue", **params: Any) -> socket.socket:
    """A session whose `initialize` was answered."""
    made = connect(path)
    made.sendall(initialize(name, **params))
    while b"\n" not in made.recv(65_536):
        pass
    return made


def send_for_ever(made: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            made.sendall(data)


def read_for_ever(made: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while made.recv(65_536):
            pass


def beside(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True).start()


def again_and_again(work: Callable[[], None]) -> None:
    """What fails is done again at once."""
    while True:
        with contextlib.suppress(OSError):
            work()


def honest(path: str, name: str = "honest") -> None:
    """Answers everything at once, and connects again when it must."""
    while True:
        with contextlib.suppress(OSError):
            made = session(path, name, session="honest")
            with made.makefile("rb") as lines:
                for said in map(json.loads, lines):
                    if said.get("method") == "envelope":
                        made.sendall(line(id=said["id"], result={"response": {"text": "done"}}))
        time.sleep(0.1)


def behaves(path: str) -> None:
    """What the plugin of the attacks would be without them; it takes a core, as they do."""
    beside(lambda: honest(path, "rogue"))
    burn(path)


def burn(path: str) -> None:
    """Takes a core, and leaves the broker alone."""
    while True:
        pass


def connects_without_end(path: str) -> None:
    again_and_again(lambda: connect(path).close())


def connects_and_stays(path: str) -> None:
    kept = []
    with contextlib.suppress(OSError):
        while True:
            kept.append(connect(path))
    time.sleep(3_600)


def connects_again_and_stays(path: str) -> None:
    kept: list[socket.socket] = []
    while True:
        with contextlib.suppress(OSError):
            kept.append(connect(path))
        if len(kept) > 800:
            kept.pop(0).close()


def crashes_in_a_loop(path: str) -> None:
    again_and_again(lambda: session(path, session="s").close())


def crashes_with_a_delivery(path: str) -> None:
    def once() -> None:
        made = session(path)
        made.recv(1)
        made.close()

    again_and_again(once)


def is_slow(path: str) -> None:
    """Takes all that it can have, and answers nothing."""
    read_for_ever(session(path))


def never_reads(path: str) -> None:
    kept = [session(path, session=f"s{n}") for n in range(64)]
    request = line(id=1, method="nothing", params={})
    for each in kept:
        each.setblocking(False)
    while kept:
        for each in kept:
            with contextlib.suppress(OSError):
                each.send(request * 1_000)
        time.sleep(0.01)


def half_lines(path: str) -> None:
    kept = [session(path, session=f"s{n}") for n in range(256)]
    for each in kept:
        each.setblocking(False)
    half = b'{"jsonrpc":"2.0","method":"log","params":{"message":"' + b"x" * (MEBIBYTE - 1_000)
    left = dict.fromkeys(range(len(kept)), half)
    while True:
        for number, rest in left.items():
            with contextlib.suppress(OSError):
                left[number] = rest[kept[number].send(rest) :]
        time.sleep(0.01)


def long_lines(path: str) -> None:
    def once() -> None:
        made = session(path)
        made.sendall(b"x" * (2 * MEBIBYTE))
        read_for_ever(made)

    again_and_again(once)


def invalid_utf8(path: str) -> None:
    def once() -> None:
        made = session(path)
        made.sendall(b'{"jsonrpc":"2.0","id":"\xff\xfe"}\n')
        read_for_ever(made)

    again_and_again(once)


def wrong_ids(path: str) -> None:
    made = session(path)
    beside(lambda: read_for_ever(made))
    answers = b"".join(line(id=f"{n}.1", result={}) for n in range(10**9, 10**9 + 2_000))
    send_for_ever(made, answers)


def huge_ids(path: str) -> None:
    """An id that the broker would repeat; on many sessions that don't read."""

    def once() -> None:
        made = session(path)
        made.sendall(line(id="x" * (MEBIBYTE - 100), method="nothing"))
        time.sleep(0.5)
        made.close()

    for _ in range(63):
        beside(lambda: again_and_again(once))
    again_and_again(once)


def late_answers(path: str) -> None:
    made = session(path)
    with made.makefile("rb") as lines:
        for said in map(json.loads, lines):
            if said.get("method") == "envelope":
                time.sleep(1.2)  # longer than its ack timeout
                for _ in range(20):
                    made.sendall(line(id=said["id"], result={"response": {"text": "late"}}))


def nacks_everything(path: str) -> None:
    made = session(path)
    with made.makefile("rb") as lines:
        for said in map(json.loads, lines):
            if said.get("method") == "envelope":
                failed = {"code": -32050, "message": "no" * 500, "data": {"permanent": True}}
                made.sendall(line(id=said["id"], error=failed))


def floods_the_log(path: str) -> None:
    made = session(path)
    send_for_ever(made, line(method="log", params={"message": "x" * 1_000}) * 100)


def extends_without_end(path: str) -> None:
    """Keeps a delivery, and says so again and again."""
    made = session(path)
    with made.makefile("rb") as lines:
        said = next(each for each in map(json.loads, lines) if each.get("method") == "envelope")
    beside(lambda: read_for_ever(made))
    send_for_ever(made, line(method="extend", params={"id": said["id"]}) * 100)


def nacks_at_once(path: str) -> None:
    """Fails everything in a way that is tried again, in eight sessions."""
    failed = {"code": -32050, "message": "no", "data": {"retry_after": 0}}

    def serve() -> None:
        made = session(path)
        with made.makefile("rb") as lines:
            for said in map(json.loads, lines):
                if said.get("method") == "envelope":
                    made.sendall(line(id=said["id"], error=failed))

    for _ in range(7):
        beside(lambda: again_and_again(serve))
    again_and_again(serve)


def floods_with_calls(path: str) -> None:
    """Each with a method of its own name: the plugin may call any."""
    made, number = session(path), 0
    beside(lambda: read_for_ever(made))
    while True:
        number += 1
        name = f"invented.m{number}" + "x" * 200
        made.sendall(line(id=number, method="slack.call", params={"method": name, "args": {}}))


def floods_with_answers(path: str) -> None:
    """Answers to be given at once, for deliveries that are not its own, and for the one that it keeps."""
    made, number = session(path), 0
    with made.makefile("rb") as lines:
        said = next(each for each in map(json.loads, lines) if each.get("method") == "envelope")
    beside(lambda: read_for_ever(made))
    while True:
        number += 1
        about = said["id"] if number % 2 else f"{10**9 + number}.1"
        params = {"id": about, "response": {"text": "x" * 500}}
        made.sendall(line(id=number, method="answer", params=params))


def costly_lines(path: str) -> None:
    costly = b'{"jsonrpc":"2.0","id":"99999.1","result":{"response":{"blocks":[%b{}]}}}\n' % (b"{}," * 333_000)
    for _ in range(3):
        made = session(path)
        beside(lambda made=made: send_for_ever(made, costly))  # type: ignore[misc]
    time.sleep(3_600)


def another_plugins_name(path: str) -> None:
    def once() -> None:
        made = connect(path)
        made.sendall(initialize("honest", session="honest"))
        read_for_ever(made)

    again_and_again(once)


def many_users_stay(path: str) -> None:
    """As root: nine users, each with as many connections as it can have."""
    for uid in range(70_000, 70_009):
        if os.fork() == 0:
            os.setuid(uid)
            connects_and_stays(path)
    time.sleep(3_600)


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2])
