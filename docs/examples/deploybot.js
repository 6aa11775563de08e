#!/usr/bin/env node
// Answers /deploy, mentions, and a button. It ends with its connection: its unit starts it again.
"use strict";
const net = require("node:net");

const path = process.env.SLACKD_PLUGINS_SOCKET || "/run/slackd/plugins.sock";
const socket = net.createConnection(path);
const waiting = new Map(); // calls that slackd has not answered yet, by id

const send = (message) => socket.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");

function call(id, method, args) {
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    send({ id, method: "slack.call", params: { method, args, call_id: id } });
  });
}

async function handle(delivery, payload) {
  if (payload.command === "/deploy") {
    return { response: { text: `Deploying ${payload.text}` } };
  }
  const event = payload.event || {};
  if (event.type === "app_mention") {
    const text = `Hello <@${event.user}>`;
    await call(`${delivery}/hello`, "chat.postMessage", {
      channel: event.channel, thread_ts: event.thread_ts || event.ts, text,
    });
  } else if (payload.actions?.[0]?.action_id === "approve") {
    await call(`${delivery}/approved`, "chat.postMessage", {
      channel: payload.channel.id, text: `<@${payload.user.id}> approved`,
    });
  }
  return {};
}

async function receive(line) {
  const { id, method, params, result, error } = JSON.parse(line);
  if (method === "envelope") {
    try {
      send({ id, result: await handle(id.split(".")[0], params.envelope.payload) });
    } catch (failure) { // slackd tries it again
      send({ id, error: { code: -32000, message: String(failure.message || failure) } });
    }
  } else if (method === undefined && waiting.has(id)) {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error || !result.ok) reject(new Error(error ? error.message : result.error));
    else resolve(result);
  } else if (id === 0 && error) {
    console.error(error.message);
    process.exit(1);
  }
}

let unread = ""; // readline would not do: since Node 24 it cuts at U+2028, too, which a text may have in it
socket.setEncoding("utf8");
socket.on("data", (text) => {
  unread += text;
  if (!text.includes("\n")) return;
  const lines = unread.split("\n");
  unread = lines.pop();
  lines.forEach(receive);
});
socket.on("connect", () => send({ id: 0, method: "initialize", params: { protocol: 1, plugin: "deploybot" } }));
socket.on("error", (error) => { console.error(error.message); process.exit(1); });
socket.on("close", () => process.exit(0));
process.on("SIGTERM", () => socket.end());
