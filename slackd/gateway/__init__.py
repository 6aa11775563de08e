"""The gateway: Slack's own interfaces on the inside, for apps that others wrote.

    app ══ Socket Mode, Web API, response URLs, files ══▶ gateway ══ plugin socket ══▶ broker
    app ◀══ POST, signed ════════════════════════════════ gateway

To the broker the gateway is an ordinary plugin program: one session for each Socket Mode connection of an app,
or one for an app that is posted to, and one connection for calls alone. It has no token of Slack's, no journal,
and no way to Slack. The credentials that it gives out are good here alone.
"""
