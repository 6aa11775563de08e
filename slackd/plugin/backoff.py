"""How long to wait before the next try to connect."""

FIRST = 0.05
LONGEST = 2.0


def reconnect_delay(failures: int, random: float) -> float:
    """Seconds; `failures` in a row so far, `random` in [0, 1).

    10 to 50 ms at first, since a broker that restarts is back in a blink and gives the work in flight to
    somebody else after its grace of 2 s; twice as much each time up to 2 s; spread, so that plugins don't
    come back in step.
    """
    return float(min(LONGEST, FIRST * 2.0 ** min(failures, 16)) * (0.2 + 0.8 * random))
