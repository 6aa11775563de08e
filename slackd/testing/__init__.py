"""A test kit for what listens to Slack: plugins of slackd in any language, and Bolt apps as they are.

```python
def test_deploy_is_answered(slack):
    slack.run_plugin("deploybot.py", "deploybot.toml")
    assert slack.command("/deploy", "api").response == {"text": "Deploying api"}
```

The fixture `slack` comes with a pytest plugin that pytest finds by itself. `slackd.testing.tester` is the same
without pytest.
"""
