// Elements, made in one call.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'class') node.className = value;
    else if (name === 'data') Object.assign(node.dataset, value);
    else if (name in node && !['list', 'form', 'width', 'height'].includes(name)) node[name] = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

// Renders into a node only when what it shows has changed, so that focus and open menus stay.
const shown = new WeakMap();
export function renderInto(node, key, render) {
  const text = JSON.stringify(key);
  if (shown.get(node) === text) return false;
  shown.set(node, text);
  replace(node, render());
  return true;
}

export function toast(words, kind = 'error') {
  const node = h('div', { class: `toast ${kind}` }, words);
  document.getElementById('toasts').append(node);
  setTimeout(() => node.remove(), 6000);
}

export function copyText(text) {
  const done = () => toast('Copied', 'good');
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => fallback());
  else fallback();
  function fallback() {
    const area = h('textarea', { value: text, class: 'offscreen' });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    done();
  }
}

export function clock(ts) {
  return new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}
