"""How long this machine kept everybody waiting, whoever they are: what a measurement beside it is worth.

    python witness.py

On each processor a thread that goes before all others sleeps for a millisecond, again and again. It can only
be late where the kernel lets nobody go first (a package that is unpacked, a container that ends) or where the
processor was another machine's. A line on stdin is answered with the seconds that they were late together since
the last one. Standard library alone.
"""

import os
import sys
import threading
import time

PERIOD = 0.001
"""Seconds of each sleep."""
USUAL = 0.000_2
"""Seconds by which a sleep is late on a machine that does nothing."""
GOES_BEFORE_WHO_GOES_FIRST = os.sched_param(2)


class Watch:
    """The sleeps on one processor.

    Attributes:
        late: Seconds, since the beginning.
    """

    def __init__(self, processor: int) -> None:
        self.late = 0.0
        self._processor = processor
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        os.sched_setaffinity(0, {self._processor})
        due = time.monotonic()
        while True:
            due += PERIOD
            time.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            if now - due > USUAL:
                self.late += now - due
                due = now


def main() -> None:
    os.sched_setscheduler(0, os.SCHED_FIFO, GOES_BEFORE_WHO_GOES_FIRST)
    watches = [Watch(each) for each in sorted(os.sched_getaffinity(0))]
    before = 0.0
    for _ in sys.stdin:
        late = sum(each.late for each in watches)
        print(late - before, flush=True)
        before = late


if __name__ == "__main__":
    main()
