#!/bin/bash
# Answers /deploy, mentions, and a button. Needs socat and jq. It ends with its connection: its unit starts it again.
socket=${SLACKD_PLUGINS_SOCKET:-/run/slackd/plugins.sock}
coproc SLACKD { exec socat - "UNIX-CONNECT:$socket"; }
echo '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocol":1,"plugin":"deploybot"}}' >&"${SLACKD[1]}"
exec jq --unbuffered -c '
  def said: {jsonrpc: "2.0"} + .;
  def post($key; $args): {id: $key, method: "slack.call", params: {method: "chat.postMessage", call_id: $key, args: $args}};
  select(.method == "envelope") | .params.envelope.payload as $p | .id as $id | ($id | split(".")[0]) as $delivery
  | if $p.command == "/deploy" then {id: $id, result: {response: {text: "Deploying \($p.text)"}}} | said
    elif $p.event.type == "app_mention" then
      (post("\($delivery)/hello"; {channel: $p.event.channel, thread_ts: ($p.event.thread_ts // $p.event.ts),
        text: "Hello <@\($p.event.user)>"}), {id: $id, result: {}}) | said
    elif ($p.actions // [])[0].action_id == "approve" then
      (post("\($delivery)/approved"; {channel: $p.channel.id, text: "<@\($p.user.id)> approved"}),
        {id: $id, result: {}}) | said
    else {id: $id, result: {}} | said end' <&"${SLACKD[0]}" >&"${SLACKD[1]}"
