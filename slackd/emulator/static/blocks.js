// Block Kit, drawn close to how Slack draws it.

import { h } from './dom.js';
import { control, CONTROLS } from './controls.js';
import { markdown, mrkdwn, richText, textObject } from './mrkdwn.js';

// Images of foreign hosts are not fetched: what they show stands in their place.
function picture(element, block = false) {
  const url = element.image_url || element.slack_file?.url || '';
  if (url.startsWith('data:') || url.startsWith('/')) return h('img', { src: url, alt: element.alt_text, class: block ? 'picture' : 'thumb' });
  return h('span', { class: block ? 'picture missing' : 'thumb missing', title: url, role: 'img', 'aria-label': element.alt_text }, block ? `🖼 ${element.alt_text}` : '🖼');
}

function cell(value) {
  return value.type === 'rich_text' ? value.elements.map(richText) : value.text || '';
}

const DRAW = {
  section: (block, at) => h('div', { class: 'section' },
    h('div', { class: 'words' },
      block.text ? h('div', { class: 'text' }, textObject(block.text)) : null,
      block.fields ? h('div', { class: 'fields' }, block.fields.map((field) => h('div', { class: 'text' }, textObject(field)))) : null),
    block.accessory ? h('div', { class: 'accessory' }, element(block.accessory, block, at)) : null),
  divider: () => h('hr'),
  header: (block) => h('h3', {}, textObject(block.text)),
  context: (block) => h('div', { class: 'context' }, block.elements.map((each) => (each.type === 'image' ? picture(each) : h('span', {}, textObject(each))))),
  context_actions: (block, at) => h('div', { class: 'actions' }, block.elements.map((each) => element(each, block, at))),
  actions: (block, at) => h('div', { class: 'actions' }, block.elements.map((each) => element(each, block, at))),
  image: (block) => h('figure', {}, block.title ? h('figcaption', {}, textObject(block.title)) : null, picture(block, true)),
  input: (block, at) => h('div', { class: 'input', data: { block: block.block_id } },
    h('label', {}, textObject(block.label), block.optional ? h('span', { class: 'faint' }, ' (optional)') : null),
    element(block.element, block, at),
    h('div', { class: 'error', role: 'alert' }, at.errors?.[block.block_id] || ''),
    block.hint ? h('div', { class: 'hint' }, textObject(block.hint)) : null),
  rich_text: (block) => h('div', { class: 'richtext' }, block.elements.map(richText)),
  markdown: (block) => h('div', { class: 'markdown' }, markdown(block.text)),
  file: (block) => h('div', { class: 'file' }, `📄 ${block.external_id}`),
  video: (block) => h('figure', {}, h('figcaption', {}, textObject(block.title)), h('span', { class: 'picture missing' }, `▶ ${block.alt_text}`)),
  table: (block) => h('table', {}, block.rows.map((row, number) => h('tr', {}, row.map((each) => h(number ? 'td' : 'th', {}, cell(each)))))),
  task_card: (block) => h('div', { class: `task ${block.status || ''}` }, h('b', {}, block.title || block.task_id), h('span', { class: 'faint' }, block.status ? ` ${block.status.replaceAll('_', ' ')}` : '')),
  plan: (block) => h('div', { class: 'task' }, h('b', {}, typeof block.title === 'string' ? block.title : textObject(block.title)), (block.tasks || []).map((task) => DRAW.task_card(task))),
  alert: (block) => h('div', { class: `notice ${block.level || 'default'}` }, textObject(block.text)),
};

function element(given, block, at) {
  if (given.type === 'image') return picture(given);
  if (CONTROLS[given.type]) return control(given, block, at);
  return h('code', {}, given.type);
}

// `at` says where the blocks stand: {message_ts, channel} or {view}, and how to click in them.
export function drawBlocks(blocks, at) {
  return (blocks || []).map((block) => {
    const draw = DRAW[block.type];
    const node = draw ? draw(block, at) : h('pre', { class: 'unknown' }, JSON.stringify(block, null, 1));
    node.classList.add('block', block.type);
    return node;
  });
}

export function drawContent(message, at) {
  const blocks = message.blocks?.length ? drawBlocks(message.blocks, at) : [h('div', { class: 'richtext' }, mrkdwn(message.text || ''))];
  const attachments = (message.attachments || []).map((each) => {
    const node = h('div', { class: 'attachment' },
      each.pretext ? h('div', {}, mrkdwn(each.pretext)) : null,
      each.title ? h('b', {}, each.title) : null,
      each.text ? h('div', {}, mrkdwn(each.text)) : null,
      (each.fields || []).map((field) => h('div', {}, h('b', {}, field.title), ' ', mrkdwn(field.value || ''))),
      drawBlocks(each.blocks, at),
      each.footer ? h('div', { class: 'faint' }, each.footer) : null);
    const colour = { good: '#2eb67d', warning: '#ecb22e', danger: '#e01e5a' }[each.color] || (/^#?[0-9a-f]{6}$/i.test(each.color || '') ? `#${each.color.replace('#', '')}` : '#8884');
    node.style.borderLeftColor = colour;
    return node;
  });
  const files = (message.files || []).map((file) => h('a', { class: 'file', href: `/page/files/${file.id}/${encodeURIComponent(file.name)}`, download: file.name },
    h('span', { class: 'icon' }, '📄'), h('span', {}, h('b', {}, file.title), h('br'), h('span', { class: 'faint' }, `${file.pretty_type} · ${file.size} bytes`))));
  return [...(message.text || message.blocks?.length ? blocks : []), ...attachments, ...files];
}
