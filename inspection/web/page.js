'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const $ = (id) => document.getElementById(id);
  const n = data.characters.length;
  const CELL = 9;
  const at = { layer: data.layers.length - 1, value: 0, unit: 0, character: 0, shade: 'unit' };
  const shown = { ' ': 'space', '\n': 'line break', '\t': 'tab', '\r': 'carriage return' };
  document.documentElement.classList.add('scripted');

  // The numbers: one byte each, a row of units for each character.
  for (const layer of data.layers) {
    for (const value of layer.values) {
      const bytes = Uint8Array.from(atob(value.bytes), (c) => c.charCodeAt(0));
      value.numbers = value.gate ? bytes : new Int8Array(bytes.buffer);
      delete value.bytes;
    }
  }
  const layer = () => data.layers[at.layer];
  const value = () => layer().values[at.value];
  const number = (v, unit, i) => v.numbers[i * layer().units + unit] * v.step;
  const part = (v, unit, i) => v.numbers[i * layer().units + unit] / (v.gate ? 255 : 127);

  // Colours.
  let colours = {};
  function readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ['high', 'low', 'gate', 'hot']) {
      colours[name] = style.getPropertyValue('--' + name).split(',').map(Number);
    }
  }
  const rgba = (name, alpha) => `rgba(${colours[name].join(',')},${alpha.toFixed(3)})`;
  const ofValue = (v, p) => v.gate ? ['gate', p * 0.85] : [p > 0 ? 'high' : 'low', Math.abs(p) * 0.85];
  const ofBits = (bits) => ['hot', Math.min(bits / data.most_bits, 1) * 0.75];
  const shadeOf = (i) => at.shade === 'bits' ? ofBits(data.bits[i]) : ofValue(value(), part(value(), at.unit, i));

  // The text.
  const spans = data.characters.map((c, i) => {
    const span = document.createElement('span');
    if (c === '\n') span.className = 'break';
    span.textContent = c;
    span.dataset.i = i;
    return span;
  });
  $('text').replaceChildren(...spans);
  const letters = document.createElement('div');
  letters.className = 'letters';
  letters.append(...data.characters.map((c, i) => {
    const span = document.createElement('span');
    span.textContent = c === '\n' ? '↵' : c === '\t' ? '→' : c;
    span.dataset.i = i;
    return span;
  }));

  function radios(id, names, chosen, choose) {
    $(id).replaceChildren(...names.map((name, i) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = name;
      button.setAttribute('role', 'radio');
      button.setAttribute('aria-checked', i === chosen);
      button.onclick = () => choose(i);
      return button;
    }));
  }
  const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
  const signed = (x) => (x < 0 ? '−' : '+') + Math.abs(x).toFixed(2);

  // Heat maps: a canvas with a pixel for each number, drawn large.
  function canvas(rows, height, colour) {
    const made = document.createElement('canvas');
    made.width = n;
    made.height = rows;
    made.style.width = n * CELL + 'px';
    made.style.height = height + 'px';
    const context = made.getContext('2d');
    const image = context.createImageData(n, rows);
    for (let row = 0, j = 0; row < rows; row++) {
      for (let i = 0; i < n; i++, j += 4) {
        const [name, alpha] = colour(row, i);
        const [r, g, b] = colours[name];
        image.data[j] = r;
        image.data[j + 1] = g;
        image.data[j + 2] = b;
        image.data[j + 3] = alpha * 255;
      }
    }
    context.putImageData(image, 0, 0);
    return made;
  }
  function row(kind, name, content) {
    const made = document.createElement('div');
    made.className = 'row ' + kind;
    const label = document.createElement('span');
    label.className = 'name';
    label.textContent = label.title = name;
    made.append(label, content);
    return made;
  }
  const line = document.createElement('div');
  const level = document.createElement('div');
  line.className = level.className = 'line';
  let map = null;
  const rowHeight = () => clamp(Math.floor(420 / layer().units), 2, 14);
  function drawMaps() {
    const rows = [row('strip', 'character', letters)];
    if (data.bits) rows.push(row('strip', data.bits_are, canvas(1, 14, (_, i) => ofBits(data.bits[i]))));
    layer().values.forEach((v, k) => {
      const strip = row('strip', `unit ${at.unit}: ${v.name}`, canvas(1, 14, (_, i) => ofValue(v, part(v, at.unit, i))));
      strip.onclick = () => change({ value: k });
      rows.push(strip);
    });
    const v = value();
    const units = layer().units;
    map = canvas(units, units * rowHeight(), (unit, i) => ofValue(v, part(v, unit, i)));
    rows.push(row('map', `all units: ${v.name}`, map));
    $('maps').replaceChildren(...rows, line, level);
  }
  function drawStrips() {
    const strips = $('maps').querySelectorAll('.strip');
    const first = data.bits ? 2 : 1;
    layer().values.forEach((v, k) => {
      const strip = strips[first + k];
      strip.firstChild.textContent = strip.firstChild.title = `unit ${at.unit}: ${v.name}`;
      strip.lastChild.replaceWith(canvas(1, 14, (_, i) => ofValue(v, part(v, at.unit, i))));
    });
  }
  function drawLines() {
    if (!map) return;
    const box = (node, left, top, width, height) =>
      Object.assign(node.style, { left: left + 'px', top: top + 'px', width: width + 'px', height: height + 'px' });
    const left = letters.offsetLeft;
    box(line, left + at.character * CELL, letters.offsetTop, CELL, map.offsetTop + map.offsetHeight - letters.offsetTop);
    box(level, left, map.offsetTop + at.unit * rowHeight(), n * CELL, rowHeight());
  }

  // What is said in words.
  function percent(p) {
    return p >= 0.995 ? '>99%' : p < 0.01 ? '<1%' : Math.round(p * 100) + '%';
  }
  function bold(text) {
    const b = document.createElement('b');
    b.textContent = text;
    return b;
  }
  function readout() {
    const i = at.character;
    const c = data.characters[i];
    const parts = [bold(shown[c] || c), ` at ${i}. Unit ${at.unit}: `];
    layer().values.forEach((v, k) => {
      const x = number(v, at.unit, i);
      parts.push(k ? ', ' : '', `${v.name} `, bold(v.gate ? x.toFixed(2) : signed(x)));
    });
    parts.push('.');
    if (data.bits) parts.push(` ${data.bits_are[0].toUpperCase() + data.bits_are.slice(1)} `, bold(data.bits[i].toFixed(1)), ' bits.');
    const guesses = data.guesses[i] || [];
    if (guesses.length) {
      parts.push(data.labels.length ? ' Tag: ' : ' Expected: ');
      guesses.forEach(([text, p], k) => parts.push(k ? ', ' : '', bold(shown[text] || text || 'the start'), ' ' + percent(p)));
      parts.push('.');
    }
    $('readout').replaceChildren(...parts);
  }
  function legend(id, v, bits) {
    const bar = document.createElement('i');
    bar.className = bits ? 'surprise' : v.gate ? 'gate' : 'both';
    const most = v.step * 127;
    const [low, high] = bits ? ['0', `${data.most_bits} bits or more`] : v.gate ? ['0 shut', '1 open'] : [signed(-most), signed(most)];
    $(id).replaceChildren(low, bar, high);
  }
  function drawResponses() {
    $('responses').replaceChildren(...layer().responses.map(({ unit, group, score }) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.innerHTML = '<span class="unit"></span><span class="group"></span><span class="bar"><i></i></span>';
      const [name, what, bar] = button.children;
      name.textContent = unit;
      what.textContent = group;
      button.title = `unit ${unit} is ${score < 0 ? 'lower' : 'higher'} at: ${group} (${signed(score)})`;
      bar.firstChild.style.cssText = `width:${Math.abs(score) * 100}%;background:${rgba(score < 0 ? 'low' : 'high', 0.85)}`;
      button.setAttribute('aria-current', unit === at.unit);
      button.onclick = () => change({ unit, value: layer().main, shade: 'unit' });
      const item = document.createElement('li');
      item.append(button);
      return item;
    }));
    if (!layer().responses.length) $('responses').textContent = 'The text is too short to tell.';
  }

  function drawControls() {
    radios('layers', data.layers.map((l) => l.label), at.layer, (i) => change({ layer: i }));
    radios('values', layer().values.map((v) => v.name), at.value, (i) => change({ value: i, shade: 'unit' }));
    const shades = data.bits ? ['unit', data.bits_are] : ['unit'];
    radios('shades', shades, at.shade === 'unit' ? 0 : 1, (i) => change({ shade: i ? 'bits' : 'unit' }));
    $('unit').max = layer().units - 1;
    $('unit').value = at.unit;
    const bits = at.shade === 'bits';
    $('what').textContent = bits ? `The text, shaded by ${data.bits_are}` : `The text, shaded by ${value().name} of unit ${at.unit} in ${layer().label}`;
    legend('legend', value(), bits);
    legend('map-legend', value(), false);
    for (const box of $('stack').querySelectorAll('[data-layer]')) {
      box.setAttribute('aria-current', Number(box.dataset.layer) === at.layer);
    }
  }
  function drawText() {
    for (let i = 0; i < n; i++) {
      const [name, alpha] = shadeOf(i);
      spans[i].style.background = alpha < 0.01 ? '' : rgba(name, alpha);
    }
  }
  let marked = [];
  function drawCharacter() {
    for (const node of marked) node.classList.remove('at');
    marked = [spans[at.character], letters.children[at.character]];
    for (const node of marked) node.classList.add('at');
    drawLines();
    readout();
  }
  function reveal() {
    const scroll = $('scroll');
    const label = letters.offsetLeft;
    const x = letters.offsetLeft + at.character * CELL;
    if (x - label < scroll.scrollLeft || x + 2 * CELL > scroll.scrollLeft + scroll.clientWidth) {
      scroll.scrollLeft = x - scroll.clientWidth / 2;
    }
    const text = $('text');
    const top = spans[at.character].offsetTop - text.offsetTop;
    if (top < text.scrollTop || top + 30 > text.scrollTop + text.clientHeight) text.scrollTop = top - text.clientHeight / 2;
  }

  function change(changes, everything = false) {
    const before = { ...at };
    Object.assign(at, changes);
    if (at.layer !== before.layer) at.value = layer().main;
    at.value = clamp(at.value, 0, layer().values.length - 1);
    at.unit = clamp(Number.isFinite(at.unit) ? Math.round(at.unit) : 0, 0, layer().units - 1);
    at.character = clamp(at.character, 0, n - 1);
    if (!data.bits) at.shade = 'unit';
    const differs = (...names) => everything || names.some((name) => at[name] !== before[name]);
    if (differs('layer', 'value', 'unit', 'shade')) {
      drawControls();
      drawText();
      drawResponses();
    }
    if (differs('layer', 'value')) drawMaps();
    else if (differs('unit')) drawStrips();
    drawCharacter();
    if (differs('character')) reveal();
  }

  // Keyboard and mouse.
  const place = (event) => {
    const node = event.target.closest('[data-i]');
    return node && Number(node.dataset.i);
  };
  const choose = (event) => {
    const i = place(event);
    if (i !== null) change({ character: i });
  };
  $('text').addEventListener('click', choose);
  letters.addEventListener('click', choose);
  $('maps').addEventListener('click', (event) => {
    if (event.target.tagName !== 'CANVAS') return;
    const box = event.target.getBoundingClientRect();
    const character = Math.floor((event.clientX - box.left) / CELL);
    const unit = event.target === map ? Math.floor((event.clientY - box.top) / rowHeight()) : at.unit;
    change({ character, unit });
  });
  $('unit').addEventListener('change', () => change({ unit: Number($('unit').value), shade: 'unit' }));
  $('fewer').onclick = () => change({ unit: at.unit - 1, shade: 'unit' });
  $('more').onclick = () => change({ unit: at.unit + 1, shade: 'unit' });
  for (const box of $('stack').querySelectorAll('[data-layer]')) {
    box.onclick = () => change({ layer: Number(box.dataset.layer) });
  }
  function turn() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    repaint();
  }
  function repaint() {
    readColours();
    change({}, true);
  }
  $('theme').onclick = turn;
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
  const keys = {
    ArrowLeft: () => change({ character: at.character - 1 }),
    ArrowRight: () => change({ character: at.character + 1 }),
    ArrowUp: () => change({ unit: at.unit - 1, shade: 'unit' }),
    ArrowDown: () => change({ unit: at.unit + 1, shade: 'unit' }),
    Home: () => change({ character: 0 }),
    End: () => change({ character: n - 1 }),
    l: () => change({ layer: (at.layer + 1) % data.layers.length }),
    v: () => change({ value: (at.value + 1) % layer().values.length, shade: 'unit' }),
    s: () => change({ shade: at.shade === 'unit' ? 'bits' : 'unit' }),
    t: turn,
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === 'INPUT') return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  addEventListener('resize', drawLines);

  at.value = layer().main;
  if (layer().responses.length) at.unit = layer().responses[0].unit;
  repaint();
})();
