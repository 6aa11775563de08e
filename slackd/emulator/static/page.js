// The page: the sidebar, the composer, the keyboard, and what is drawn when something has changed.

import { drawHeader, drawMessages, drawThread, encode, pickCallback } from './conversation.js';
import { ask, pick, showModals } from './dialogs.js';
import { h, renderInto, toast } from './dom.js';
import { drawInspector } from './inspector.js';
import { act, choose, listen, onState, person, play, refresh, store } from './store.js';

const $ = (id) => document.getElementById(id);
const seen = {};

function go(channel, view = 'messages') {
  store.thread = null;
  store.view = view;
  return choose({ channel }).then(() => { $('messages').scrollTop = $('messages').scrollHeight; });
}

function drawSidebar(state) {
  seen[state.conversation.id] = state.channels.find((each) => each.id === state.conversation.id)?.last;
  for (const each of state.channels) seen[each.id] ??= each.last;
  renderInto($('sidebar'), [state.team, state.apps, state.app, state.me, state.people, state.channels, state.conversation.id, store.view, state.summary.ready_now], () => {
    const line = (each, sign) => h('button', {
      class: `place${each.id === state.conversation.id && (each.id !== state.direct || store.view !== 'home') ? ' here' : ''}${each.last > (seen[each.id] || '') ? ' unread' : ''}`,
      data: { channel: each.id }, onclick: () => go(each.id),
    }, h('span', { class: 'sign' }, sign), each.name);
    return [
      h('header', {}, h('b', {}, state.team), h('span', { class: state.summary.ready_now ? 'dot good' : 'dot', title: `${state.summary.ready_now} connections are READY` }), h('span', { class: 'small' }, state.summary.ready_now ? `${state.summary.ready_now} connected` : 'no app connected')),
      h('label', {}, h('span', {}, 'You are'), h('select', { id: 'me', onchange: (event) => choose({ user: event.target.value }) }, state.people.filter((each) => !each.bot).map((each) => h('option', { value: each.id, selected: each.id === state.me }, each.real_name)))),
      state.apps.length > 1 ? h('label', {}, h('span', {}, 'App'), h('select', { onchange: (event) => choose({ app: event.target.value }) }, state.apps.map((each) => h('option', { value: each.id, selected: each.id === state.app.id }, each.name)))) : null,
      h('h2', {}, 'Channels', h('button', { class: 'quiet', title: 'New channel', onclick: newChannel }, '+')),
      state.channels.filter((each) => each.kind === 'channel' || each.kind === 'private').map((each) => line(each, each.kind === 'channel' ? '#' : '🔒')),
      h('h2', {}, 'Direct messages'),
      state.channels.filter((each) => each.kind === 'im' || each.kind === 'mpim').map((each) => line(each, '@')),
      h('h2', {}, 'Apps'),
      h('button', { class: store.view === 'home' && state.conversation.id === state.direct ? 'place here' : 'place', id: 'open-home', onclick: async () => { await play('open_home', {}); go(store.state.direct, 'home'); } }, h('span', { class: 'sign' }, '⌂'), `${state.app.name} Home`),
      h('button', { class: 'place', onclick: runStep }, h('span', { class: 'sign' }, '▷'), 'Run a custom step'),
      h('span', { class: 'spacer' }), h('button', { class: 'quiet', onclick: help }, 'Keyboard: ?'),
    ];
  });
}

async function newChannel() {
  const field = h('input', { placeholder: 'name', 'aria-label': 'name', autofocus: true });
  if (await ask('New channel', field, 'Create')) {
    const { ok, said } = await act('channel', { name: field.value });
    if (ok) go(said.id);
  }
}

async function runStep() {
  const name = h('input', { placeholder: 'callback_id', 'aria-label': 'callback_id', autofocus: true });
  const inputs = h('textarea', { rows: 4, value: '{}', 'aria-label': 'inputs' });
  if (!await ask('Run a custom step', [h('label', {}, 'callback_id', name), h('label', {}, 'inputs, as JSON', inputs)], 'Run')) return;
  try { await act('run_step', { callback_id: name.value, inputs: JSON.parse(inputs.value) }); } catch (error) { toast(`inputs: ${error.message}`); }
}

const help = () => ask('Keyboard', h('dl', { class: 'keys' }, [
  ['Ctrl K', 'go to a channel or person'], ['Alt ↑ ↓', 'the channel above or below'], ['/', 'write, or a command'], ['@', 'mention somebody'], ['Enter', 'send; Shift Enter breaks the line'],
  ['Ctrl ↑', 'to the last message; then ↑ ↓'], ['r t e s', 'on a message: react, thread, edit, shortcut'], ['Delete', 'delete your message'], ['Esc', 'close, or back to writing'],
].map(([key, words]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, words)])), 'Good', ' ');

// The composer.

const text = $('text');

function grow() { text.style.height = 'auto'; text.style.height = `${Math.min(text.scrollHeight, 160)}px`; }

async function send() {
  const said = text.value.trim();
  if (!said) return;
  const channel = store.channel;
  const command = said.match(/^(\/\S+)\s*([\s\S]*)$/);
  text.value = '';
  grow();
  complete();
  const { ok } = command
    ? await play('command', { command: command[1], text: command[2], channel })
    : await play('message', { text: encode(said), channel });
  if (!ok) text.value = said;
  $('messages').scrollTop = $('messages').scrollHeight;
}

function candidates() {
  const upTo = text.value.slice(0, text.selectionStart);
  const command = upTo.match(/^\/\S*$/);
  if (command) return { word: command[0], items: store.state.commands.filter((each) => each.startsWith(command[0]) && each !== command[0]) };
  const name = upTo.match(/(?:^|\s)@([\w.-]*)$/);
  if (name) return { word: `@${name[1]}`, items: store.state.people.filter((each) => each.name.startsWith(name[1]) && each.name !== name[1]).map((each) => `@${each.name}`) };
  return { word: '', items: [] };
}

let at = 0;
function complete() {
  const { word, items } = store.state ? candidates() : { word: '', items: [] };
  at = Math.min(at, Math.max(0, items.length - 1));
  const node = $('completion');
  node.hidden = !items.length;
  node.replaceChildren(...items.slice(0, 8).map((each, n) => h('button', { type: 'button', role: 'option', 'aria-selected': n === at, class: n === at ? 'here' : '', onclick: () => take(word, each) }, each)));
  return { word, items };
}

function take(word, item) {
  const end = text.selectionStart;
  text.setRangeText(`${item} `, end - word.length, end, 'end');
  at = 0;
  complete();
  text.focus();
}

text.addEventListener('input', () => { at = 0; grow(); complete(); });
text.addEventListener('keydown', (event) => {
  const { word, items } = candidates();
  if (items.length && ['ArrowDown', 'ArrowUp'].includes(event.key)) {
    event.preventDefault();
    at = (at + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length;
    complete();
  } else if (items.length && (event.key === 'Tab' || (event.key === 'Enter' && word.length > 1 && !items.includes(word)))) {
    event.preventDefault();
    take(word, items[at]);
  } else if (event.key === 'Escape') { $('completion').hidden = true; } else if (event.key === 'Enter' && !event.shiftKey) {
    event.preventDefault();
    send();
  } else if (event.key === 'ArrowUp' && (event.ctrlKey || !text.value)) {
    event.preventDefault();
    $('messages').querySelector('article:last-of-type')?.focus();
  }
});
$('composer').addEventListener('submit', (event) => { event.preventDefault(); send(); });

$('attach').addEventListener('click', () => $('file').click());
async function share(files) {
  for (const file of files) await play('share_file', { name: file.name, content: await file.text(), comment: encode(text.value.trim()), channel: store.channel });
  text.value = '';
}
$('file').addEventListener('change', (event) => share(event.target.files).then(() => { event.target.value = ''; }));
$('main').addEventListener('dragover', (event) => event.preventDefault());
$('main').addEventListener('drop', (event) => { event.preventDefault(); share(event.dataTransfer.files); });
$('shortcuts').addEventListener('click', async () => {
  const found = await pickCallback('Global shortcut', store.state.shortcuts);
  if (found) play('shortcut', { callback_id: found });
});

// The keyboard.

document.addEventListener('keydown', async (event) => {
  const writing = ['INPUT', 'TEXTAREA', 'SELECT'].includes(event.target.tagName);
  if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
    event.preventDefault();
    const places = store.state.channels.map((each) => ({ id: each.id, name: `${each.kind === 'im' ? '@' : '#'}${each.name}` }));
    const found = await pick('Go to', places);
    if (found) { await go(found.id); text.focus(); }
  } else if (event.altKey && ['ArrowDown', 'ArrowUp'].includes(event.key)) {
    event.preventDefault();
    const ids = [...document.querySelectorAll('#sidebar [data-channel]')].map((each) => each.dataset.channel);
    const next = ids[(ids.indexOf(store.channel) + (event.key === 'ArrowDown' ? 1 : ids.length - 1)) % ids.length];
    if (next) go(next);
  } else if (!writing && !document.querySelector('dialog[open]') && !event.ctrlKey && !event.metaKey) {
    if (event.key === '/' ) { event.preventDefault(); text.focus(); text.value ||= '/'; complete(); }
    if (event.key === '?') help();
  }
});

onState((state) => {
  document.title = `${state.conversation.kind === 'im' ? '@' : '#'}${state.channels.find((each) => each.id === state.conversation.id)?.name} · ${state.team}`;
  drawSidebar(state);
  drawHeader(state);
  drawMessages(state);
  drawThread(state);
  drawInspector(state);
  showModals(state.modals);
  text.placeholder = `Message ${state.conversation.kind === 'im' ? '@' : '#'}${state.channels.find((each) => each.id === state.conversation.id)?.name} as ${person(state.me).name}`;
  $('hint').textContent = '';
  document.body.dataset.version = state.version;
});

await refresh();
listen();
text.focus();
