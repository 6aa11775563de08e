// Interactive elements. What one types or chooses is kept in `at.values`, {block_id: {action_id: value}}.

import { h } from './dom.js';
import { emoji, textObject } from './mrkdwn.js';
import { play, store } from './store.js';

const words = (object) => textObject(object).map((part) => (typeof part === 'string' ? part : part.textContent)).join('');

function keep(at, block, element, value) {
  (at.values[block.block_id] ??= {})[element.action_id] = value;
}

function chosen(at, block, element, value) {
  keep(at, block, element, value);
  const silent = block.type === 'input' && !block.dispatch_action;
  if (!silent && value !== null && value !== '') at.click(element, block, value);
}

// A text goes to the app while it is typed only if its block asks for that; without more words, at Enter.
function dispatches(element, block, when) {
  return Boolean(block.dispatch_action) && (element.dispatch_action_config?.trigger_actions_on || ['on_enter_pressed']).includes(when);
}

function typed(type, more = {}) {
  return (element, block, at) => {
    const field = h(element.multiline ? 'textarea' : 'input', {
      type: element.multiline ? undefined : type, placeholder: element.placeholder ? words(element.placeholder) : '',
      value: at.values[block.block_id]?.[element.action_id] ?? element.initial_value ?? '', rows: 4,
      maxLength: element.max_length || undefined, autofocus: element.focus_on_load, ...more,
      oninput: () => {
        keep(at, block, element, field.value === '' ? null : field.value);
        if (dispatches(element, block, 'on_character_entered')) at.click(element, block, field.value);
      },
      onkeydown: (event) => { if (event.key === 'Enter' && dispatches(element, block, 'on_enter_pressed')) { event.preventDefault(); at.click(element, block, field.value); } },
    });
    return field;
  };
}

function dated(type, initial, convert = (value) => value) {
  return (element, block, at) => {
    const field = h('input', {
      type, value: at.values[block.block_id]?.[element.action_id] ?? element[initial] ?? '',
      onchange: () => chosen(at, block, element, field.value === '' ? null : convert(field.value)),
    });
    return field;
  };
}

function menu(list, many, initial) {
  return (element, block, at) => {
    const { groups } = list(element, at);
    const before = at.values[block.block_id]?.[element.action_id] ?? initial(element);
    const picked = new Set([before].flat().filter((each) => each !== null && each !== undefined));
    const field = h('select', {
      multiple: many, size: many ? Math.min(5, Math.max(2, groups.flatMap((each) => each.options).length)) : undefined,
      'aria-label': element.placeholder ? words(element.placeholder) : element.action_id,
      onchange: () => chosen(at, block, element, many ? [...field.selectedOptions].map((each) => each.value) : field.value || null),
    },
    many ? null : h('option', { value: '' }, element.placeholder ? words(element.placeholder) : 'Choose…'),
    groups.map((group) => {
      const options = group.options.map((each) => h('option', { value: each.value, selected: picked.has(each.value) }, each.name));
      return group.name ? h('optgroup', { label: group.name }, options) : options;
    }));
    return field;
  };
}

const options = (element) => ({
  groups: (element.option_groups || [{ options: element.options || [] }]).map((group) => ({
    name: group.label && words(group.label), options: group.options.map((each) => ({ value: each.value, name: words(each.text) })),
  })),
});
const people = () => ({ groups: [{ options: store.state.people.map((each) => ({ value: each.id, name: each.real_name })) }] });
const channels = () => ({ groups: [{ options: store.state.channels.filter((each) => each.kind !== 'im').map((each) => ({ value: each.id, name: `#${each.name}` })) }] });
const everything = () => ({ groups: [{ options: store.state.channels.map((each) => ({ value: each.id, name: each.kind === 'im' ? `@${each.name}` : `#${each.name}` })) }] });
const one = (name) => (element) => element[name]?.value ?? element[name];
const several = (name) => (element) => (element[name] || []).map((each) => each.value ?? each);

// A menu whose options the app gives, as one types.
function external(many) {
  return (element, block, at) => {
    const least = element.min_query_length ?? 3;
    const list = h('div', { class: 'suggestions', role: 'listbox' });
    const picked = h('span', { class: 'picked' });
    let waiting = 0;
    const field = h('input', {
      type: 'search', placeholder: element.placeholder ? words(element.placeholder) : 'Type to search…', 'aria-label': element.action_id,
      oninput: () => { clearTimeout(waiting); if (field.value.length >= least) waiting = setTimeout(ask, 200); },
      onfocus: () => { if (!least) ask(); },
      onkeydown: (event) => { if (event.key === 'ArrowDown') { event.preventDefault(); list.querySelector('button')?.focus(); } },
    });
    async function ask() {
      const where = at.view ? { view_id: at.view.id } : { message_ts: at.message_ts };
      const { ok, said } = await play('options', { action_id: element.action_id, value: field.value, block_id: block.block_id, ...where, wait: 3 });
      const given = ok && said.response ? said.response.options || (said.response.option_groups || []).flatMap((group) => group.options) : [];
      list.replaceChildren(...given.map((each) => h('button', { type: 'button', role: 'option', onclick: () => take(each) }, words(each.text))));
      if (!given.length) list.replaceChildren(h('span', { class: 'faint' }, 'No options'));
    }
    function take(option) {
      const before = many ? at.values[block.block_id]?.[element.action_id] || [] : [];
      picked.textContent = [...before, option].map((each) => words(each.text)).join(', ');
      field.value = '';
      list.replaceChildren();
      chosen(at, block, element, many ? [...before, option] : option);
    }
    return h('div', { class: 'external' }, picked, field, list);
  };
}

function ticks(type, many) {
  return (element, block, at) => {
    const initial = many ? several('initial_options')(element) : [one('initial_option')(element)];
    const before = [at.values[block.block_id]?.[element.action_id] ?? initial].flat();
    const name = `${block.block_id}-${element.action_id}`;
    const set = h('fieldset', { class: 'ticks' }, element.options.map((each) => h('label', {},
      h('input', { type, name, value: each.value, checked: before.includes(each.value), onchange: () => {
        const picked = [...set.querySelectorAll('input:checked')].map((input) => input.value);
        chosen(at, block, element, many ? picked : picked[0]);
      } }), h('span', {}, textObject(each.text), each.description ? h('div', { class: 'faint' }, textObject(each.description)) : null))));
    return set;
  };
}

function overflow(element, block, at) {
  const list = h('div', { class: 'menu', hidden: true, role: 'menu' }, element.options.map((each) => h('button', {
    type: 'button', role: 'menuitem', onclick: () => { list.hidden = true; at.click(element, block, each.value); },
  }, words(each.text))));
  return h('span', { class: 'overflow' }, h('button', { type: 'button', 'aria-label': 'More', onclick: () => { list.hidden = !list.hidden; } }, '⋯'), list);
}

function button(element, block, at) {
  return h('button', {
    type: 'button', class: `button ${element.style || ''}`, title: element.accessibility_label || element.url || '', data: { action: element.action_id },
    onclick: () => at.click(element, block, element.value ?? null),
  }, textObject(element.text));
}

function feedback(element, block, at) {
  return h('span', { class: 'actions' }, [['positive_button', '👍'], ['negative_button', '👎']].map(([name, sign]) => h('button', {
    type: 'button', class: 'button', title: words(element[name].text), onclick: () => at.click(element, block, element[name].value),
  }, sign)));
}

function files(element, block, at) {
  return h('input', { type: 'file', multiple: (element.max_files || 10) > 1, onchange: () => keep(at, block, element, []) });
}

function richInput(element, block, at) {
  const field = h('textarea', { rows: 4, oninput: () => keep(at, block, element, {
    type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: field.value }] }],
  }) });
  return field;
}

export const CONTROLS = {
  button, overflow, workflow_button: button, feedback_buttons: feedback,
  icon_button: (element, block, at) => h('button', { type: 'button', class: 'button', title: words(element.text), onclick: () => at.click(element, block, element.value ?? null) }, emoji(element.icon)),
  static_select: menu(options, false, one('initial_option')), multi_static_select: menu(options, true, several('initial_options')),
  users_select: menu(people, false, one('initial_user')), multi_users_select: menu(people, true, several('initial_users')),
  channels_select: menu(channels, false, one('initial_channel')), multi_channels_select: menu(channels, true, several('initial_channels')),
  conversations_select: menu(everything, false, one('initial_conversation')), multi_conversations_select: menu(everything, true, several('initial_conversations')),
  external_select: external(false), multi_external_select: external(true),
  datepicker: dated('date', 'initial_date'), timepicker: dated('time', 'initial_time'),
  datetimepicker: dated('datetime-local', 'initial_date_time', (value) => Math.floor(new Date(value).getTime() / 1000)),
  checkboxes: ticks('checkbox', true), radio_buttons: ticks('radio', false),
  plain_text_input: typed('text'), email_text_input: typed('email'), url_text_input: typed('url'), number_input: typed('number', { step: 'any' }),
  file_input: files, rich_text_input: richInput,
};

export function control(element, block, at) {
  return CONTROLS[element.type](element, block, at);
}
