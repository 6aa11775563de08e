"""Threads for plain functions: never a queue behind a busy one, none kept alive for its own sake."""

import threading
from queue import SimpleQueue

from slackd.plugin.calling import Threads

PATIENCE = 20.0  # seconds


def test_every_job_runs_at_once_however_many_are_busy() -> None:
    threads, together = Threads("test"), threading.Barrier(50)
    done: SimpleQueue[int] = SimpleQueue()
    for _ in range(50):
        threads.submit(lambda: done.put(together.wait(PATIENCE)))
    assert sorted(done.get(timeout=PATIENCE) for _ in range(50)) == list(range(50))
    threads.close()


def test_threads_are_daemons_and_go_when_they_are_closed() -> None:
    threads = Threads("test")
    ran: SimpleQueue[threading.Thread] = SimpleQueue()
    threads.submit(lambda: ran.put(threading.current_thread()))
    worker = ran.get(timeout=PATIENCE)
    assert worker.daemon
    threads.close()
    worker.join(PATIENCE)
    assert not worker.is_alive()
