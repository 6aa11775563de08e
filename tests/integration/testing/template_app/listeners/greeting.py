"""Says hello: to a message, a command, and whoever opens the app's home."""

import re
from logging import Logger


def hello(context, say, logger: Logger):
    try:
        say(f"{context['matches'][0]}, how are you?")
    except Exception as error:  # noqa: BLE001  as in the template
        logger.error(error)


def greet(command, ack, respond):
    ack()
    respond(f"Responding to {command['text']}!")


def home(client, event):
    text = {"type": "mrkdwn", "text": f"*Welcome home, <@{event['user']}>*"}
    client.views_publish(
        user_id=event["user"], view={"type": "home", "blocks": [{"type": "section", "text": text}]}
    )


def register(app):
    app.message(re.compile("(hi|hello|hey)"))(hello)
    app.command("/greet")(greet)
    app.event("app_home_opened")(home)
