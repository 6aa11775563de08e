"""What a flood took goes back once nothing is to do, and is not asked for again and again."""

import gc

import pytest

from slackd.systemd import idle_memory
from slackd.systemd.idle_memory import IDLE, LOOK_EVERY, WORTH_IT, IdleMemory, give_back

A_LITTLE = IDLE * LOOK_EVERY / 2


def test_a_process_that_was_busy_and_is_idle_gives_back_once() -> None:
    memory = IdleMemory(5.0)
    assert not memory.is_time(5.0 + WORTH_IT)  # still busy
    assert memory.is_time(5.0 + WORTH_IT + A_LITTLE)
    assert not memory.is_time(5.0 + WORTH_IT + A_LITTLE)
    assert not memory.is_time(5.0 + WORTH_IT + 2 * A_LITTLE)


def test_a_process_that_never_did_much_has_nothing_to_give_back_until_it_adds_up() -> None:
    memory, used, looks = IdleMemory(0.0), 0.0, 0
    while not memory.is_time(used):
        used, looks = used + A_LITTLE, looks + 1
    assert used >= WORTH_IT
    assert looks > 1


def test_garbage_in_circles_is_freed_and_the_system_gets_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed: list[int] = []
    monkeypatch.setattr(idle_memory, "_trim", trimmed.append)

    class Circle:
        alive = 0

        def __init__(self) -> None:
            self.me = self
            Circle.alive += 1

        def __del__(self) -> None:
            Circle.alive -= 1

    gc.disable()
    try:
        Circle()
        assert Circle.alive == 1
        give_back()
    finally:
        gc.enable()
    assert Circle.alive == 0
    assert trimmed == [0]


def test_a_c_library_without_malloc_trim_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_memory, "_trim", None)
    give_back()
