"""What Slack dictates, each fact once: limits, names of envelopes, facets, connection states, acknowledgements.

Standard library alone and pure, so that everybody may use it: connectors, broker, metrics, SDK, advise and
emulator. Each fact names the page of Slack's documentation it stands on, or says that it was seen in the field.
"""
