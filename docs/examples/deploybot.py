#!/usr/bin/env python3
"""Answers /deploy, mentions, and a button. Try it: slackctl dev deploybot.py"""

from slackd.plugin import Envelope, Plugin

plugin = Plugin("deploybot")


@plugin.command("/deploy")
async def command(envelope: Envelope) -> str:
    return f"Deploying {envelope.text}"


@plugin.event("app_mention")
async def mentioned(envelope: Envelope) -> None:
    await plugin.slack.call(
        "chat.postMessage",
        channel=envelope.channel,
        thread_ts=envelope.thread,
        text=f"Hello <@{envelope.user}>",
        call_id=f"{envelope.delivery}/hello",
    )


@plugin.action("approve")
async def approved(envelope: Envelope) -> None:
    await plugin.slack.call(
        "chat.postMessage",
        channel=envelope.channel,
        text=f"<@{envelope.user}> approved",
        call_id=f"{envelope.delivery}/approved",
    )


if __name__ == "__main__":
    plugin.run()
