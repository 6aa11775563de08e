"""An app as Bolt's public template makes them: tokens from the environment, no base URL."""

import logging
import os

from listeners import register_listeners
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler

logging.basicConfig(level=logging.INFO)

app = App(
    token=os.environ["SLACK_BOT_TOKEN"],
    signing_secret=os.environ.get("SLACK_SIGNING_SECRET", "none"),
)
register_listeners(app)

if __name__ == "__main__":
    if "PORT" in os.environ:
        app.start(port=int(os.environ["PORT"]))
    else:
        SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start()
