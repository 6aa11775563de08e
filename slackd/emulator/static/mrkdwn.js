// Slack's mrkdwn, and rich text, as elements.

import { h } from './dom.js';
import { channelName, person, store } from './store.js';

const EMOJI = {
  '+1': '👍', '-1': '👎', thumbsup: '👍', eyes: '👀', tada: '🎉', rocket: '🚀', white_check_mark: '✅', x: '❌', warning: '⚠️',
  heart: '❤️', smile: '😄', wave: '👋', fire: '🔥', thinking_face: '🤔', raised_hands: '🙌', pray: '🙏', clap: '👏', bug: '🐛',
  hourglass: '⌛', hourglass_flowing_sand: '⏳', robot_face: '🤖', sparkles: '✨', star: '⭐', bulb: '💡', lock: '🔒', memo: '📝',
  no_entry: '⛔', red_circle: '🔴', large_green_circle: '🟢', large_blue_circle: '🔵', large_yellow_circle: '🟡', bell: '🔔',
  rotating_light: '🚨', calendar: '📅', package: '📦', gear: '⚙️', wrench: '🔧', ok_hand: '👌', joy: '😂', cry: '😢', slightly_smiling_face: '🙂',
  mag: '🔍', link: '🔗', ship: '🚢', ticket: '🎫', coffee: '☕', heavy_check_mark: '✔️', question: '❓', exclamation: '❗', '100': '💯',
};
export const REACTIONS = ['+1', 'eyes', 'tada', 'white_check_mark', 'heart', 'rocket', 'thinking_face', 'x'];

export function emoji(name) {
  return EMOJI[name] || `:${name}:`;
}

export function mention(id) {
  return h('span', { class: id === store.user ? 'mention me' : 'mention' }, `@${person(id).name}`);
}

function link(url, words) {
  return h('a', { href: /^(https?|mailto|tel):/.test(url) ? url : '#', target: '_blank', rel: 'noreferrer noopener' }, words || url);
}

const unescape = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

const TOKEN = new RegExp([
  '```([\\s\\S]+?)```', '`([^`\\n]+)`', '<@([UW]\\w+)(?:\\|[^>]*)?>', '<#([CG]\\w+)(?:\\|[^>]*)?>', '<!(here|channel|everyone)(?:\\|[^>]*)?>',
  '<!date\\^\\d+\\^[^|>]*\\|([^>]*)>', '<([a-z]+:[^|>]+)(?:\\|([^>]*))?>', ':([a-z0-9_+\'-]+):',
  '(?<![\\w*])\\*([^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\w*])', '(?<![\\w_])_([^\\s_](?:[^_\\n]*[^\\s_])?)_(?![\\w_])', '(?<![\\w~])~([^\\s~](?:[^~\\n]*[^\\s~])?)~(?![\\w~])',
  '^(?:&gt;|>) ?(.*)$',
].join('|'), 'gm');

export function mrkdwn(text) {
  const out = [];
  let last = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > last) out.push(unescape(text.slice(last, found.index)));
    last = found.index + found[0].length;
    const [, pre, code, user, channel, range, date, url, label, name, bold, italic, strike, quote] = found;
    if (pre !== undefined) out.push(h('pre', {}, unescape(pre.replace(/^\n/, ''))));
    else if (code !== undefined) out.push(h('code', {}, unescape(code)));
    else if (user !== undefined) out.push(mention(user));
    else if (channel !== undefined) out.push(h('span', { class: 'mention' }, `#${channelName(channel)}`));
    else if (range !== undefined) out.push(h('span', { class: 'mention me' }, `@${range}`));
    else if (date !== undefined) out.push(unescape(date));
    else if (url !== undefined) out.push(link(unescape(url), label && unescape(label)));
    else if (name !== undefined) out.push(emoji(name));
    else if (bold !== undefined) out.push(h('b', {}, mrkdwn(bold)));
    else if (italic !== undefined) out.push(h('i', {}, mrkdwn(italic)));
    else if (strike !== undefined) out.push(h('s', {}, mrkdwn(strike)));
    else if (quote !== undefined) out.push(h('blockquote', {}, mrkdwn(quote)));
  }
  if (last < text.length) out.push(unescape(text.slice(last)));
  return out;
}

// The markdown of markdown blocks and streams, as far as people write it.
export function markdown(text) {
  return text.split('\n').map((line) => {
    const heading = line.match(/^#{1,6} (.*)/);
    const words = (heading ? heading[1] : line).replace(/\*\*([^*]+)\*\*/g, '*$1*').replace(/^[-*] /, '• ').replace(/\[([^\]]+)\]\(([^)]+)\)/g, '<$2|$1>');
    return h('div', { class: heading ? 'heading' : 'line' }, mrkdwn(words));
  });
}

export function textObject(object) {
  if (!object) return [];
  if (object.type === 'mrkdwn') return mrkdwn(object.text);
  return [object.emoji === false ? object.text : object.text.replace(/:([a-z0-9_+'-]+):/g, (_, name) => emoji(name))];
}

function inline(part) {
  switch (part.type) {
    case 'text': {
      const style = part.style || {};
      const wrapped = [['bold', 'b'], ['italic', 'i'], ['strike', 's'], ['code', 'code']];
      return wrapped.reduce((node, [name, tag]) => (style[name] ? h(tag, {}, node) : node), part.text);
    }
    case 'user': return mention(part.user_id);
    case 'channel': return h('span', { class: 'mention' }, `#${channelName(part.channel_id)}`);
    case 'broadcast': return h('span', { class: 'mention me' }, `@${part.range}`);
    case 'usergroup': return h('span', { class: 'mention' }, `@${part.usergroup_id}`);
    case 'emoji': return emoji(part.name);
    case 'link': return link(part.url, part.text);
    case 'date': return part.fallback || new Date(part.timestamp * 1000).toLocaleString();
    case 'color': return h('code', {}, part.value);
    default: return JSON.stringify(part);
  }
}

export function richText(element) {
  const parts = (element.elements || []).map((part) => (part.type.startsWith('rich_text') ? richText(part) : inline(part)));
  switch (element.type) {
    case 'rich_text_list':
      return h(element.style === 'ordered' ? 'ol' : 'ul', { class: `indent${element.indent || 0}` }, parts.map((part) => h('li', {}, part)));
    case 'rich_text_preformatted': return h('pre', {}, parts);
    case 'rich_text_quote': return h('blockquote', {}, parts);
    default: return h('div', { class: 'rich' }, parts);
  }
}
