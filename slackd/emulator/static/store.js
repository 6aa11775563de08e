// What the server said last, and what people do, which goes through the control API.

import { toast } from './dom.js';

export const store = { state: null, user: null, channel: null, app: null, view: 'messages', thread: null };

const saved = JSON.parse(localStorage.getItem('emulator') || '{}');
Object.assign(store, { user: saved.user, channel: saved.channel, app: saved.app });

export function choose(changes) {
  Object.assign(store, changes);
  localStorage.setItem('emulator', JSON.stringify({ user: store.user, channel: store.channel, app: store.app }));
  return refresh();
}

let listener = () => {};
export function onState(call) { listener = call; }

let asking = false;
let again = false;
export async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    do {
      again = false;
      const query = new URLSearchParams();
      for (const name of ['user', 'channel', 'app']) if (store[name]) query.set(name, store[name]);
      const asked = [store.user, store.channel, store.app];
      const answer = await fetch(`/page/state?${query}`);
      if (!answer.ok) { store.app = null; continue; }
      const state = await answer.json();
      // Who chose another place meanwhile is not taken back.
      if (asked.some((each, n) => each !== [store.user, store.channel, store.app][n])) { again = true; continue; }
      store.state = state;
      store.user = store.state.me;
      store.channel = store.state.conversation.id;
      const began = performance.now();
      listener(store.state);
      // A burst of envelopes is drawn now and then, not once for each.
      await new Promise((resolve) => setTimeout(resolve, Math.min(1000, 2 * (performance.now() - began))));
    } while (again);
  } finally { asking = false; }
}

export function listen() {
  const events = new EventSource('/page/events');
  events.onmessage = () => refresh();
  events.onopen = () => document.body.classList.remove('offline');
  events.onerror = () => document.body.classList.add('offline');
}

export async function act(what, fields, quiet = false) {
  const body = { ...fields };
  if (store.app) body.app ??= store.app;
  const answer = await fetch(`/control/${what}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok && !quiet) toast(said.error);
  return { ok: answer.ok, said };
}

// As the person that one has chosen to be.
export function play(what, fields, quiet = false) {
  return act(what, { user: store.user, ...fields }, quiet);
}

export function person(id) {
  return store.state.people.find((each) => each.id === id) || { id, name: id, real_name: id };
}

export function channelName(id) {
  const found = store.state.channels.find((each) => each.id === id);
  return found ? found.name : id;
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curlOfPlay([path, fields]) {
  return `curl -s ${store.state.base_url}${path} -d ${quote(JSON.stringify(fields))}`;
}

export function curlOfCall(call) {
  const url = `${store.state.base_url}/api/${call.method}`;
  return `curl -s ${url} -H "Authorization: Bearer $BOT_TOKEN" -H 'Content-Type: application/json' -d ${quote(JSON.stringify(call.args))}`;
}
