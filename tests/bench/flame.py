"""Where the broker's time goes while it is flooded, as flame graphs: `dist/bench/flame-*.svg`.

    python -m tests.bench.flame      # part of make bench; needs the right to look into other processes

Of the first release, where this clone has it, and of the code as it stands.
"""

import asyncio
import signal
import sys
from pathlib import Path

from tests.bench.measures import CHANNELS, COUNT, WARM_UP, WINDOW, Start, batch
from tests.bench.peers import slackd
from tests.bench.plots import FOLDER
from tests.bench.throughput import first_release

SPY = Path(sys.executable).with_name("py-spy")
PER_SECOND = 400
"""Looks at the stacks."""
LONGEST = 60
"""Seconds."""


async def draw(start: Start, file: Path) -> None:
    """Flood it, and draw what its broker did."""
    async with start() as peer:
        assert peer.house is not None
        await batch(peer, WARM_UP, channels=CHANNELS, window=WINDOW)
        whom = ["--pid", str(peer.house.program("broker").pid), "--threads"]
        how = ["--rate", str(PER_SECOND), "--duration", str(LONGEST), "--output", str(file)]
        looking = await asyncio.create_subprocess_exec(
            SPY, "record", *whom, *how, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await asyncio.sleep(1.0)  # it looks at the process before it begins
            await batch(peer, COUNT, channels=CHANNELS, window=WINDOW)
        finally:
            looking.send_signal(signal.SIGINT)
            await looking.wait()


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    await draw(slackd, FOLDER / "flame-now.svg")
    with first_release() as start:
        if start is not None:
            await draw(start, FOLDER / "flame-first-release.svg")
    print(f"drawn in {FOLDER}")


if __name__ == "__main__":
    asyncio.run(main())
