"""Slack's side of Socket Mode and the front of its Web API: what the emulator and the gateway serve to apps.

    bytes ──▶ listener ──▶ websocket ──▶ frames ──▶ lifecycle ──▶ ConnectionEvents (the owner's)
                 └──▶ aiohttp ──▶ http ──▶ api (arguments, answers)

The state machine of a connection (`lifecycle`), the pool of an app's connections (`connections`), the one-use
tickets and the frames do no I/O and read no clock. `websocket`, `listener`, `http` and `timer` put
them on asyncio.
"""
