// Dialogs: modals of the app, confirmations, and choices; the browser keeps the focus in them.

import { drawBlocks } from './blocks.js';
import { h } from './dom.js';
import { textObject } from './mrkdwn.js';
import { play } from './store.js';

export function ask(title, body, yes, no = 'Cancel', danger = false) {
  return new Promise((resolve) => {
    const dialog = h('dialog', { class: 'small' }, h('form', { method: 'dialog' },
      h('h2', {}, title), h('div', { class: 'body' }, body),
      h('footer', {}, h('button', { type: 'button', onclick: () => dialog.close('') }, no), h('button', { value: 'yes', class: danger ? 'danger' : 'primary', autofocus: true }, yes))));
    dialog.addEventListener('close', () => { dialog.remove(); resolve(dialog.returnValue === 'yes'); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function pick(title, items) {
  return new Promise((resolve) => {
    let found = null;
    const list = h('div', { class: 'choices' });
    const draw = (words) => list.replaceChildren(...items.filter((each) => each.name.toLowerCase().includes(words.toLowerCase())).map((each) => h('button', {
      type: 'button', onclick: () => { found = each; dialog.close(); },
    }, each.name, each.hint ? h('span', { class: 'faint' }, ` ${each.hint}`) : null)));
    const field = h('input', { type: 'search', placeholder: 'Search…', 'aria-label': title, oninput: () => draw(field.value), onkeydown: (event) => {
      if (event.key === 'Enter') { event.preventDefault(); list.querySelector('button')?.click(); }
      if (event.key === 'ArrowDown') { event.preventDefault(); list.querySelector('button')?.focus(); }
    } });
    list.addEventListener('keydown', (event) => {
      const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
      if (step) { event.preventDefault(); (document.activeElement[step] || field).focus(); }
    });
    const dialog = h('dialog', { class: 'small' }, h('h2', {}, title), field, list, h('footer', {}, h('button', { type: 'button', onclick: () => dialog.close() }, 'Close')));
    dialog.addEventListener('close', () => { dialog.remove(); resolve(found); });
    document.body.append(dialog);
    draw('');
    dialog.showModal();
  });
}

export async function confirmed(element) {
  const confirm = element.confirm;
  if (!confirm) return true;
  return ask(textObject(confirm.title), textObject(confirm.text), textObject(confirm.confirm), textObject(confirm.deny), confirm.style === 'danger');
}

export function clicker(place, values) {
  return async (element, block, value) => {
    if (!await confirmed(element)) return;
    if (element.url) window.open(element.url, '_blank', 'noreferrer');
    await play('click', { action_id: element.action_id, block_id: block.block_id, value, values, ...place });
  };
}

// The modal on top, drawn anew when the app has changed it; what one has typed stays where the block is the same.
let open = null;
export function showModals(modals) {
  const top = modals.at(-1);
  if (!top) { open?.dialog.remove(); open = null; return; }
  const key = `${top.id} ${top.hash}`;
  if (open?.key === key) { showErrors(top.errors); return; }
  const values = open?.id === top.id ? open.values : {};
  open?.dialog.remove();
  const at = { view: top, values, errors: top.errors, click: clicker({ view_id: top.id }, values) };
  const submit = h('button', { type: 'submit', class: 'primary', data: { submit: top.id } }, top.submit ? textObject(top.submit) : 'Submit');
  const form = h('form', { onsubmit: async (event) => {
    event.preventDefault();
    const missing = required(top, values);
    showErrors(missing);
    if (Object.keys(missing).length) return;
    submit.disabled = true;
    const { ok, said } = await play('submit_view', { view_id: top.id, values: wrapped(values), wait: 3.5 }, true);
    submit.disabled = false;
    if (!ok || said.failure) form.querySelector('.trouble').textContent = said.failure ? `We had some trouble connecting (${said.failure}). Try again?` : said.error;
  } },
  h('header', {}, h('h2', {}, textObject(top.title)), modals.length > 1 ? h('span', { class: 'faint' }, `${modals.length} stacked`) : null,
    h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: () => close(top) }, '✕')),
  h('div', { class: 'body' }, drawBlocks(top.blocks, at), h('div', { class: 'trouble error', role: 'alert' })),
  h('footer', {}, h('button', { type: 'button', onclick: () => close(top) }, top.close ? textObject(top.close) : 'Close'),
    top.submit || top.blocks.some((block) => block.type === 'input') ? submit : null));
  const dialog = h('dialog', { class: 'modal', oncancel: (event) => { event.preventDefault(); close(top); } }, form);
  document.body.append(dialog);
  dialog.showModal();
  (dialog.querySelector('[autofocus]') || dialog.querySelector('.body input, .body textarea, .body select'))?.focus();
  open = { id: top.id, key, dialog, values };
  showErrors(top.errors);
}

const wrapped = (values) => Object.fromEntries(Object.entries(values).map(([block, given]) => [block, Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))]));

// What Slack itself asks for before it sends anything to the app.
function required(view, values) {
  const missing = {};
  for (const block of view.blocks) {
    if (block.type !== 'input' || block.optional) continue;
    const element = block.element;
    const given = values[block.block_id]?.[element.action_id];
    const initial = Object.entries(element).find(([name]) => name.startsWith('initial_'))?.[1];
    const value = given === undefined ? initial : given;
    if (value === undefined || value === null || value === '' || value.length === 0) missing[block.block_id] = 'Please complete this required field.';
    else if (element.min_length && value.length < element.min_length) missing[block.block_id] = `Please enter at least ${element.min_length} characters.`;
  }
  return missing;
}

function showErrors(errors) {
  for (const node of open?.dialog.querySelectorAll('.block.input') || []) {
    const words = errors?.[node.dataset.block] || '';
    node.classList.toggle('wrong', Boolean(words));
    node.querySelector('.error').textContent = words;
  }
}

async function close(view) {
  await play('close_view', { view_id: view.id });
}
