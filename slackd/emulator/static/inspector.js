// Beside the conversation: envelopes and acknowledgements, Web API calls, connections, faults, the ledger.

import { copyText, h, renderInto } from './dom.js';
import { act, channelName, curlOfCall, curlOfPlay, person, store } from './store.js';

const TABS = { live: 'Live', connections: 'Connections', faults: 'Faults', ledger: 'Ledger' };
let tab = 'live';
let only = '';
const opened = new Set();

const ms = (seconds) => (seconds === null || seconds === undefined ? '' : seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`);
const since = (at) => `+${(at - store.state.began).toFixed(2)} s`;

export function drawInspector(state) {
  const node = document.getElementById('inspector');
  if (!node.firstChild) {
    node.append(
      h('div', { class: 'tabs', role: 'tablist' }, Object.entries(TABS).map(([name, words]) => h('button', { class: 'tab', role: 'tab', data: { tab: name }, onclick: () => { tab = name; drawInspector(store.state); } }, words))),
      h('div', { class: 'pane' }));
  }
  for (const each of node.querySelectorAll('[data-tab]')) {
    each.classList.toggle('here', each.dataset.tab === tab);
    each.setAttribute('aria-selected', each.dataset.tab === tab);
  }
  const pane = node.querySelector('.pane');
  const draw = { live: drawLive, connections: drawConnections, faults: drawFaults, ledger: drawLedger }[tab];
  draw(pane, state);
}

function details(key, head, body) {
  const inside = h('div', { class: 'inside' }, opened.has(key) ? body() : null);
  return h('details', { open: opened.has(key), data: { key }, ontoggle: (event) => {
    if (event.target.open) { opened.add(key); if (!inside.firstChild) inside.append(...body()); } else opened.delete(key);
  } }, h('summary', {}, head), inside);
}

const json = (value) => h('pre', {}, typeof value === 'string' ? pretty(value) : JSON.stringify(value, null, 2));
function pretty(text) { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } }

function drawLive(pane, state) {
  const lines = [
    ...state.entries.map((each) => ({ at: each.at, key: each.key, entry: each })),
    ...state.calls.map((each, n) => ({ at: each.at, key: `${each.method}${each.at}${n}`, call: each })),
  ].filter((each) => !only || (only === 'api' ? each.call : each.entry)).sort((a, b) => b.at - a.at);
  renderInto(pane, ['live', only, lines], () => [
    h('div', { class: 'filter' }, [['', 'All'], ['envelopes', 'Envelopes'], ['api', 'Web API']].map(([name, words]) => h('button', { class: only === name ? 'chip here' : 'chip', onclick: () => { only = name; drawInspector(store.state); } }, words))),
    lines.length ? lines.map((each) => (each.entry ? drawEntry(each.entry) : drawCall(each.call, each.key))) : h('p', { class: 'empty' }, 'Nothing has passed yet. Say something.'),
  ]);
}

function drawEntry(entry) {
  const again = entry.sends.filter((each) => each.attempt || each.repeat).length;
  const lost = entry.sends.some((each) => each.connection === null);
  const state = entry.acknowledged ? ['good', `ack ${ms(entry.ack_seconds)}`] : entry.failure ? ['bad', entry.failure] : entry.acks.length ? ['bad', `late ${ms(entry.ack_seconds)}`] : lost ? ['bad', 'no connection'] : ['wait', 'waiting'];
  return details(entry.key, [
    h('span', { class: 'arrow out', title: 'Slack → app' }, '↓'), h('b', {}, entry.name), h('span', { class: `pill ${state[0]}` }, state[1]),
    again ? h('span', { class: 'pill wait' }, `${again}× again`) : null, entry.response ? h('span', { class: 'pill info' }, 'answer') : null,
    h('span', { class: 'faint' }, [entry.user ? `@${person(entry.user).name}` : '', entry.channel ? `#${channelName(entry.channel)}` : ''].join(' ')), h('time', {}, since(entry.at)),
  ], () => [
    h('div', { class: 'row' }, entry.played_by ? h('button', { onclick: () => copyText(curlOfPlay(entry.played_by)) }, 'Copy as curl') : null, entry.payload ? h('button', { onclick: () => copyText(pretty(entry.payload)) }, 'Copy payload') : null),
    h('table', {}, h('tr', {}, ['envelope', 'attempt', 'over', 'at'].map((each) => h('th', {}, each))), entry.sends.map((each) => h('tr', {}, h('td', {}, h('code', {}, each.envelope_id.slice(0, 8))), h('td', {}, `${each.attempt}${each.repeat ? ' (repeat)' : ''}`), h('td', {}, each.connection ? `${each.connection}${each.swallowed ? ' (swallowed)' : ''}` : 'none'), h('td', {}, since(each.at))))),
    entry.acks.map((each) => h('div', {}, h('b', {}, `ack ${ms(each.after)}`), each.late ? ' (late)' : '', each.again ? ' (again)' : '', ` over ${each.connection}`, each.payload ? json(each.payload) : null)),
    entry.posts.map((each) => h('div', {}, h('b', {}, `response_url ${each.status}`), json(each.body))),
    entry.payload ? [h('div', { class: 'faint' }, 'payload'), json(entry.payload)] : h('div', { class: 'faint' }, 'The payload is forgotten once acknowledged (keep_payloads).'),
  ].flat(2));
}

function drawCall(call, key) {
  return details(key, [
    h('span', { class: 'arrow in', title: 'app → Slack' }, '↑'), h('b', {}, call.method),
    h('span', { class: `pill ${call.ok ? 'good' : 'bad'}` }, call.ok ? 'ok' : call.status === 200 ? call.error : `${call.status} ${call.error || ''}`), call.emulated ? null : h('span', { class: 'pill wait' }, 'not emulated'),
    h('span', { class: 'faint' }, call.args.channel ? `#${channelName(call.args.channel)}` : ''), h('time', {}, since(call.at)),
  ], () => [
    h('div', { class: 'row' }, h('button', { onclick: () => copyText(curlOfCall(call)) }, 'Copy as curl')),
    h('div', { class: 'faint' }, 'arguments'), json(call.args), h('div', { class: 'faint' }, 'answer'), json(call.answer),
  ]);
}

function drawConnections(pane, state) {
  renderInto(pane, ['connections', state.connections], () => (state.connections.length ? h('table', { class: 'wide' },
    h('tr', {}, ['', 'state', 'sent', 'acked', 'pings', 'ended'].map((each) => h('th', {}, each))),
    [...state.connections].reverse().map((each) => h('tr', { class: each.ended_at === null ? '' : 'faint' }, h('td', {}, h('b', {}, each.id)), h('td', {}, h('span', { class: `pill ${each.ready ? 'good' : each.ended_at === null ? 'wait' : ''}` }, each.silent ? 'stalled' : each.state)), h('td', {}, each.sent), h('td', {}, each.acked), h('td', {}, each.pings), h('td', {}, each.how_ended || '')))) : h('p', { class: 'empty' }, 'No app has connected yet: start slackd, or any Socket Mode client.')));
}

const AT_A_CLICK = [
  ['Warning', 'Slack is about to close each connection', { kind: 'warning' }], ['Refresh', 'Slack closes each connection now', { kind: 'refresh_requested' }],
  ['Drop', 'TCP ends without a word', { kind: 'drop' }], ['Stall', 'half-open: silence', { kind: 'stall' }], ['Heal', 'the end of a stall', { kind: 'heal' }],
  ['Lose acks', 'what the app says is not noticed', { kind: 'lose_acks' }], ['429', 'the next call is rate-limited', { kind: 'ratelimited', retry_after: 3 }],
  ['Slow', 'the next call takes two seconds', { kind: 'api_error', delay: 2 }], ['500', 'the next call fails', { kind: 'api_error', status: 500, error: 'internal_error' }],
  ['No dial', 'the next handshake is answered 503', { kind: 'handshake', status: 503 }], ['Forget', 'no planned fault any more', { kind: 'forget_planned' }],
];

function drawFaults(pane, state) {
  renderInto(pane, ['faults', state.faults], () => [
    h('div', { class: 'faults' }, AT_A_CLICK.map(([name, words, fields]) => h('button', { title: words, data: { fault: fields.kind }, onclick: () => act('fault', fields) }, h('b', {}, name), h('span', { class: 'faint' }, words)))),
    h('details', {}, h('summary', {}, 'All faults, for curl'), h('dl', {}, Object.entries({ ...state.faults.now, ...state.faults.planned }).map(([name, words]) => [h('dt', {}, name), h('dd', {}, words)]))),
  ]);
}

function drawLedger(pane, state) {
  const summary = state.summary;
  renderInto(pane, ['ledger', summary, state.steps], () => {
    const number = (name, value, kind = '') => h('div', { class: `number ${kind}` }, h('b', {}, value), h('span', {}, name));
    const list = (title, counts, kind) => (Object.keys(counts).length ? [h('h3', {}, title), h('table', { class: 'wide' }, Object.entries(counts).map(([name, count]) => h('tr', {}, h('td', { class: kind || '' }, name), h('td', {}, count))))] : []);
    return [
      h('div', { class: 'numbers' }, number('sent', summary.sent), number('acknowledged', summary.acked, 'good'), number('late', summary.late, summary.late ? 'bad' : ''), number('never', summary.never_acked, summary.never_acked ? 'bad' : ''), number('redelivered', summary.redelivered), number('ready now', summary.ready_now), number('slowest ack', ms(summary.slowest_ack) || '–'), number('gaps', summary.ready_gaps.length, summary.ready_gaps.length ? 'bad' : '')),
      list('What clients should not have done', summary.oddities, 'bad'), list('Not emulated', summary.not_emulated, 'bad'), list('Web API calls', summary.api_calls),
      state.steps.length ? [h('h3', {}, 'Custom steps'), h('table', { class: 'wide' }, state.steps.map((each) => h('tr', {}, h('td', {}, each.callback_id), h('td', {}, h('span', { class: `pill ${{ completed: 'good', failed: 'bad' }[each.status] || 'wait'}` }, each.status)), h('td', {}, JSON.stringify(each.outputs || each.error || {})))))] : [],
      h('p', {}, h('button', { onclick: () => act('reset', {}) }, 'Begin a new ledger')),
    ];
  });
}
