// A channel, a direct message, a thread, or the Home tab, as one person sees it.

import { drawBlocks, drawContent } from './blocks.js';
import { ask, clicker, pick } from './dialogs.js';
import { clock, copyText, h, renderInto } from './dom.js';
import { emoji, mention, mrkdwn, REACTIONS } from './mrkdwn.js';
import { choose, person, play, store } from './store.js';

const $ = (id) => document.getElementById(id);

export function drawHeader(state) {
  const { conversation, me, app } = state;
  renderInto($('header'), [conversation.id, conversation.topic, conversation.members.length, store.view, conversation.name, me], () => {
    const named = state.channels.find((each) => each.id === conversation.id);
    const direct = conversation.id === state.direct;
    const tab = (view, words) => h('button', {
      class: store.view === view ? 'tab here' : 'tab', 'aria-pressed': store.view === view,
      onclick: async () => { store.view = view; await play('open_home', { tab: view }); await choose({}); },
    }, words);
    return [
      h('h1', {}, conversation.kind === 'im' ? `@${named?.name}` : `${conversation.kind === 'channel' ? '#' : '🔒'} ${named?.name}`),
      h('span', { class: 'faint' }, conversation.topic || `${conversation.members.length} members`),
      direct ? h('span', { class: 'tabs' }, tab('home', 'Home'), tab('messages', 'Messages')) : null,
      direct ? h('button', { class: 'quiet', onclick: () => play('start_assistant_thread', { channel: state.channels[0].id }) }, '✨ New assistant thread') : null,
      conversation.kind === 'channel' && !conversation.members.includes(me) ? h('button', { onclick: () => play('join', { channel: conversation.id }) }, 'Join') : null,
      h('span', { class: 'spacer' }),
      h('span', { class: 'faint small' }, `as ${person(me).real_name}, with ${app.name}`),
    ];
  });
}

export function drawMessages(state) {
  const node = $('messages');
  const home = store.view === 'home' && state.conversation.id === state.direct;
  const low = node.scrollHeight - node.scrollTop - node.clientHeight < 80;
  document.body.classList.toggle('at-home', home);
  if (home) {
    renderInto(node, ['home', state.home?.hash, state.me], () => drawHome(state));
    return;
  }
  const shown = state.conversation.messages.filter((each) => !isReply(each));
  const focused = document.activeElement?.dataset?.ts;
  const key = [state.conversation.id, state.me, shown, state.status, state.titles, state.people.length];
  if (renderInto(node, key, () => (shown.length ? shown.map((each, n) => drawMessage(each, state, shown[n - 1])) : h('p', { class: 'empty' }, 'Nothing has been said here yet.')))) {
    if (low) node.scrollTop = node.scrollHeight;
    if (focused) node.querySelector(`[data-ts="${focused}"]`)?.focus();
  }
}

function drawHome(state) {
  if (!state.home) return h('p', { class: 'empty' }, 'The app has published no Home tab for ', mention(state.me), ' yet.');
  const values = {};
  return h('div', { class: 'home' }, drawBlocks(state.home.blocks, { view: state.home, values, click: clicker({ view_id: state.home.id }, values) }));
}

const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts && message.subtype !== 'thread_broadcast';

export function drawThread(state) {
  const aside = $('thread');
  const root = store.thread && state.conversation.messages.find((each) => each.ts === store.thread);
  aside.hidden = !root;
  if (!root) return;
  if (!aside.querySelector('textarea')) {
    const text = h('textarea', { rows: 1, placeholder: 'Reply…', 'aria-label': 'Reply', onkeydown: (event) => {
      if (event.key === 'Enter' && !event.shiftKey) { event.preventDefault(); reply(); }
      if (event.key === 'Escape') closeThread();
    } });
    const reply = async () => {
      if (!text.value.trim()) return;
      const { ok } = await play('message', { text: encode(text.value), channel: store.channel, thread_ts: store.thread });
      if (ok) text.value = '';
    };
    aside.replaceChildren(
      h('header', {}, h('h2', {}, 'Thread'), h('span', { class: 'spacer' }), h('button', { class: 'quiet', 'aria-label': 'Close thread', onclick: closeThread }, '✕')),
      h('div', { class: 'replies' }), h('div', { class: 'compose' }, text, h('button', { class: 'primary', onclick: reply }, 'Reply')));
  }
  const replies = aside.querySelector('.replies');
  const shown = state.conversation.messages.filter((each) => (each.ts === store.thread && each.subtype !== 'assistant_app_thread') || (each.thread_ts === store.thread && each.ts !== store.thread));
  const key = [store.thread, state.me, shown, state.status, state.prompts, state.titles];
  if (renderInto(replies, key, () => [
    state.titles[store.thread] ? h('p', { class: 'title faint' }, state.titles[store.thread]) : null,
    shown.map((each) => drawMessage(each, state, null, true)),
    state.status[store.thread] ? h('p', { class: 'status' }, `${state.app.name} ${state.status[store.thread]}`) : null,
    drawPrompts(state.prompts[store.thread]),
  ])) replies.scrollTop = replies.scrollHeight;
}

function drawPrompts(given) {
  if (!given) return null;
  return h('div', { class: 'prompts' }, given.title ? h('div', { class: 'faint' }, given.title) : null, given.prompts.map((each) => h('button', {
    onclick: () => play('message', { text: each.message, channel: store.channel, thread_ts: store.thread }),
  }, each.title)));
}

export function openThread(ts) { store.thread = ts; drawThread(store.state); $('thread').querySelector('textarea')?.focus(); }
function closeThread() { store.thread = null; drawThread(store.state); $('text').focus(); }

// "@alice" and "#general" as Slack sends them, and &, < and > as entities, unless one writes <@U…> oneself.
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
export function encode(text) {
  return text.split(/(<[@#!][^<>\n]*>)/).map((part, number) => (number % 2 ? part : escaped(part))).join('')
    .replace(/@([\w.-]+)/g, (all, name) => { const found = store.state.people.find((each) => each.name === name); return found ? `<@${found.id}>` : all; })
    .replace(/(?<![\w&])#([\w-]+)/g, (all, name) => { const found = store.state.channels.find((each) => each.name === name && each.kind !== 'im'); return found ? `<#${found.id}>` : all; });
}

function drawMessage(message, state, before, inThread = false) {
  if (message.type === 'refused') return drawRefused(message);
  if (message.type === 'failed') return h('article', { class: 'message failed' }, `${message.name} failed: the app said nothing Slack could use (${message.failure}).`);
  const own = message.user === state.me;
  const bot = Boolean(message.bot_id);
  const author = message.username || (message.user ? person(message.user).real_name : 'Slack');
  const joined = before && before.user === message.user && !before.is_ephemeral === !message.is_ephemeral && before.type === 'message'
    && message.ts - before.ts < 120 && !message.thread_ts && !before.reply_count && before.username === message.username;
  const values = valuesIn(message);
  const at = { message_ts: message.ts, channel: state.conversation.id, values, click: clicker({ message_ts: message.ts, channel: state.conversation.id }, values) };
  const body = message.subtype === 'assistant_app_thread'
    ? h('div', {}, h('i', {}, state.titles[message.ts] || 'New assistant thread'), ' ', h('button', { class: 'link', onclick: () => openThread(message.ts) }, 'Open'))
    : h('div', { class: message.subtype === 'me_message' ? 'content me' : 'content' }, drawContent(message, at));
  const streaming = message.streaming_state === 'in_progress';
  return h('article', {
    class: `message${message.is_ephemeral ? ' ephemeral' : ''}${joined && !inThread ? ' joined' : ''}${streaming ? ' streaming' : ''}`,
    tabIndex: 0, data: { ts: message.ts }, onkeydown: (event) => keys(event, message, own),
  },
  h('div', { class: `avatar c${hue(message.user || author)}`, 'aria-hidden': 'true' }, message.icon_emoji ? emoji(message.icon_emoji.replaceAll(':', '')) : author.slice(0, 1).toUpperCase()),
  h('div', { class: 'side' },
    message.is_ephemeral ? h('div', { class: 'faint small' }, '👁 Only visible to you') : null,
    h('div', { class: 'meta' }, h('b', {}, author), bot ? h('span', { class: 'badge' }, 'APP') : null, h('time', {}, clock(message.ts)),
      state.conversation.pins.includes(message.ts) ? h('span', { class: 'faint' }, '📌') : null),
    body,
    message.edited ? h('span', { class: 'faint small' }, '(edited)') : null,
    streaming ? stopButton(message, state) : null,
    message.streaming_state === 'stopped' ? h('span', { class: 'faint small' }, 'Stopped') : null,
    h('div', { class: 'reactions' }, (message.reactions || []).map((each) => {
      const mine = each.users.includes(state.me);
      return h('button', { class: mine ? 'reaction mine' : 'reaction', title: each.users.map((id) => person(id).name).join(', '), 'aria-pressed': mine, onclick: () => react(message, each.name, mine) }, emoji(each.name), ` ${each.count}`);
    })),
    message.reply_count && !inThread ? h('button', { class: 'link replies-link', onclick: () => openThread(message.ts) }, `${message.reply_count} ${message.reply_count === 1 ? 'reply' : 'replies'}`) : null),
  message.is_ephemeral ? null : h('div', { class: 'tools', role: 'toolbar', 'aria-label': 'Message actions' },
    h('button', { title: 'React (r)', onclick: () => chooseReaction(message) }, '☺'),
    inThread ? null : h('button', { title: 'Reply in thread (t)', onclick: () => openThread(message.thread_ts || message.ts) }, '💬'),
    own ? h('button', { title: 'Edit (e)', onclick: () => edit(message) }, '✎') : null,
    own ? h('button', { title: 'Delete', onclick: () => remove(message) }, '🗑') : null,
    h('button', { title: 'Message shortcuts (s)', onclick: () => messageShortcut(message) }, '⚡'),
    h('button', { title: 'Copy as JSON', onclick: () => copyText(JSON.stringify(message, null, 2)) }, '{}')));
}

// What streams is drawn anew all the time: the press counts, not the release.
const stopped = new Set();
function stopButton(message, state) {
  const stop = () => {
    if (!stopped.has(message.ts)) play('press_stop', { ts: message.ts, channel: state.conversation.id }, true);
    stopped.add(message.ts);
  };
  return h('button', { class: 'stop', onpointerdown: stop, onclick: stop }, '■ Stop');
}

function drawRefused(call) {
  return h('article', { class: 'message refused' },
    h('div', {}, h('b', {}, `Slack refused ${call.method}: ${call.error}`)),
    call.messages.length ? h('ul', {}, call.messages.map((each) => h('li', {}, each.replace(/^\[ERROR\] /, '')))) : null,
    call.text ? h('div', { class: 'faint' }, mrkdwn(call.text)) : null,
    Array.isArray(call.blocks) ? h('details', {}, h('summary', {}, `${call.blocks.length} blocks`), h('pre', {}, JSON.stringify(call.blocks, null, 1))) : null);
}

const hue = (text) => [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 7) % 6;

// What one has chosen in a message stays chosen when it is drawn anew.
const kept = new Map();
function valuesIn(message) {
  const key = `${message.ts} ${store.user}`;
  if (!kept.has(key)) kept.set(key, {});
  return kept.get(key);
}

function react(message, name, mine) {
  return play(mine ? 'remove_reaction' : 'reaction', { reaction: name, item_ts: message.ts, channel: store.channel });
}

async function chooseReaction(message) {
  const found = await pick('React with', REACTIONS.map((name) => ({ name: `${emoji(name)} ${name}`, id: name })));
  if (found) react(message, found.id, message.reactions?.some((each) => each.name === found.id && each.users.includes(store.user)));
}

async function edit(message) {
  const field = h('textarea', { value: message.text, rows: 4 });
  if (await ask('Edit message', field, 'Save')) play('edit_message', { text: encode(field.value), ts: message.ts, channel: store.channel });
}

async function remove(message) {
  if (await ask('Delete message', 'Delete this message for everybody?', 'Delete', 'Cancel', true)) play('delete_message', { ts: message.ts, channel: store.channel });
}

async function messageShortcut(message) {
  const found = await pickCallback('Message shortcut', store.state.message_shortcuts);
  if (found) play('message_shortcut', { callback_id: found, message_ts: message.ts, channel: store.channel });
}

// Slack knows an app's shortcuts from its manifest; here one may type any.
export async function pickCallback(title, known) {
  const field = h('input', { placeholder: 'callback_id', 'aria-label': 'callback_id', list: 'known-callbacks', value: known[0] || '', autofocus: true });
  const list = h('datalist', { id: 'known-callbacks' }, known.map((each) => h('option', { value: each })));
  return (await ask(title, [field, list], 'Run')) ? field.value.trim() : '';
}

function keys(event, message, own) {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const neighbour = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
  const acts = {
    r: () => chooseReaction(message), t: () => openThread(message.thread_ts || message.ts), s: () => messageShortcut(message),
    e: () => own && edit(message), Delete: () => own && remove(message), Escape: () => $('text').focus(),
  };
  if (neighbour) { event.preventDefault(); event.currentTarget[neighbour]?.focus(); } else if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
}
