// The viewer of images: two layers with a divider between them, zoomed alike.
'use strict';
(() => {
  const root = document.querySelector('.viewer');
  const data = JSON.parse(document.getElementById('views').textContent);
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const canvas = find('canvas');
  const pen = canvas.getContext('2d');
  const hidden = new Set();
  const POINT = [255, 176, 0];
  const MISTAKE = [224, 36, 36];
  const MOST = 64; // screen pixels for one of the image

  let view = null; // of the image shown: its pixels by layer
  let scale = 1;
  let origin = [0, 0]; // place of the image's corner on the canvas
  let split = 0.5;
  let fitted = true;
  let asked = 0;

  // Pixels of an embedded file; the browser must not change label values.
  const decode = async (url) => {
    if (!url) return null;
    const { width, height, sheet, context } = await sheetFrom(url);
    const { data: rgba } = context.getImageData(0, 0, width, height);
    // Grey values: one of four bytes tells all, and there are many layers.
    const values = new Uint8Array(width * height);
    for (let at = 0; at < values.length; at++) values[at] = rgba[4 * at];
    return { width, height, values };
  };

  const sheetFrom = async (url) => {
    const blob = blobOf(url);
    const bitmap = await createImageBitmap(blob, {
      colorSpaceConversion: 'none', premultiplyAlpha: 'none',
    });
    const sheet = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = sheet.getContext('2d', { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    return { width: bitmap.width, height: bitmap.height, sheet, context };
  };

  const blobOf = (url) => {
    const [head, body] = url.split(',');
    const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
    return new Blob([bytes], { type: head.slice(5).split(';')[0] });
  };

  const load = async (index) => {
    const turn = ++asked;
    const raw = data.views[index];
    root.setAttribute('aria-busy', 'true');
    const [image, truth, ...stages] = await Promise.all([
      sheetFrom(raw.image), decode(raw.truth),
      ...raw.stages.map(async (stage) => ({
        method: stage.method,
        title: stage.title,
        label: await decode(stage.label),
        uncertainty: await decode(stage.uncertainty),
        points: await decode(stage.points),
      })),
    ]);
    if (turn !== asked) return; // another image was chosen meanwhile
    view = { title: raw.title, size: raw.size, image, truth, stages,
      start: raw.start, drawn: new Map() };
    fillChoices();
    fit();
    root.removeAttribute('aria-busy');
    root.dataset.ready = raw.name;
  };

  const choices = () => {
    const found = [['image', 'image', '']];
    if (view.truth) found.push(['truth', 'label', '']);
    view.stages.forEach((stage, index) => {
      const group = [...new Set([stage.method, stage.title])].filter(Boolean)
        .join(': ');
      const add = (kind, words) => found.push([`${kind} ${index}`, words,
        group]);
      add('label', 'segmentation');
      if (stage.uncertainty) add('uncertainty', 'uncertainty');
      if (stage.points) add('points', 'points');
      if (view.truth) add('errors', 'errors');
    });
    return found;
  };

  // The stages of a stage's method, as places among all stages.
  const siblings = (index) => [...view.stages.keys()].filter(
    (other) => view.stages[other].method === view.stages[index].method);

  // 'METHOD, stage 2', or 'METHOD' where it has one result alone.
  const nameOf = (index) => {
    const own = siblings(index);
    const number = own.length > 1 ? `stage ${own.indexOf(index)}` : '';
    return [view.stages[index].method, number].filter(Boolean).join(', ')
      || 'stage 0';
  };

  const fillChoices = () => {
    const known = choices();
    const start = { left: 'image', right: `label ${view.start}` };
    for (const side of ['left', 'right']) {
      const select = find(side);
      const before = select.value;
      select.replaceChildren();
      let group = null;
      for (const [value, words, title] of known) {
        if (title && group?.label !== title) {
          group = document.createElement('optgroup');
          group.label = title;
          select.append(group);
        }
        const name = title ? `${nameOf(stageOf(value))}: ${words}` : words;
        (title ? group : select).append(new Option(name, value));
      }
      const has = known.some(([value]) => value === before);
      select.value = has ? before : start[side];
    }
    showStep();
  };

  const stageOf = (choice) => {
    const number = choice.split(' ')[1];
    return number === undefined ? null : Number(number);
  };

  // The stage that is read: right of the divider, left of it, or the start.
  const current = () => stageOf(find('right').value)
    ?? stageOf(find('left').value) ?? view.start;

  const showStep = () => {
    const index = current();
    const own = siblings(index);
    const text = view.stages[index].title;
    find('step').max = own.length - 1;
    find('step').value = own.indexOf(index);
    find('step').setAttribute('aria-valuetext', text);
    find('steptext').textContent = text;
  };

  // A layer as a sheet of its own size, drawn once and kept.
  const sheetOf = (choice) => {
    if (choice === 'image') return view.image.sheet;
    if (view.drawn.has(choice)) return view.drawn.get(choice);
    const [kind, index] = choice.split(' ');
    const stage = view.stages[index];
    const source = choice === 'truth' ? view.truth
      : stage[kind === 'errors' ? 'label' : kind];
    // Errors are of the truth's pixels, classes of the stage's own.
    const area = kind === 'errors' ? view.truth : source;
    const sheet = new OffscreenCanvas(area.width, area.height);
    const context = sheet.getContext('2d');
    const pixels = context.createImageData(area.width, area.height);
    (PAINT[kind] ?? paintClasses)(pixels.data, source, area);
    context.putImageData(pixels, 0, 0);
    view.drawn.set(choice, sheet);
    return sheet;
  };

  const put = (target, at, colour, alpha) => {
    target[at] = colour[0];
    target[at + 1] = colour[1];
    target[at + 2] = colour[2];
    target[at + 3] = alpha;
  };

  const paintClasses = (target, source) => {
    for (let at = 0; at < target.length; at += 4) {
      const code = source.values[at / 4];
      const one = data.classes[code];
      if (one && !hidden.has(code)) put(target, at, one.colour, 255);
    }
  };

  const paintPoints = (target, source) => {
    for (let at = 0; at < target.length; at += 4) {
      if (source.values[at / 4]) put(target, at, POINT, 255);
    }
  };

  const paintUncertainty = (target, source) => {
    for (let at = 0; at < target.length; at += 4) {
      put(target, at, data.heat[source.values[at / 4]], 255);
    }
  };

  const paintErrors = (target, label, truth) => {
    for (let y = 0, at = 0; y < truth.height; y++) {
      const row = Math.floor((y + 0.5) * label.height / truth.height);
      for (let x = 0; x < truth.width; x++, at += 4) {
        const column = Math.floor((x + 0.5) * label.width / truth.width);
        const right = truth.values[at / 4];
        const found = label.values[row * label.width + column];
        if (right !== found && data.classes[right] && !hidden.has(right)) {
          put(target, at, MISTAKE, 255);
        }
      }
    }
  };
  const PAINT = { uncertainty: paintUncertainty, points: paintPoints,
    errors: paintErrors };

  const draw = () => {
    if (!view) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    pen.scale(ratio, ratio);
    drawSide(find('left').value, 0, split * width, height);
    drawSide(find('right').value, split * width, width, height);
    const divider = find('divider');
    divider.style.left = `${100 * split}%`;
    find('split').value = Math.round(100 * split);
    const shown = ['left', 'right'].map(
      (side) => find(side).selectedOptions[0].text);
    find('lefttag').textContent = shown[0];
    find('righttag').textContent = shown[1];
    tell(`${view.title}: left of the divider ${shown[0]}; `
      + `right of it ${shown[1]}`);
    root.dataset.scale = scale.toFixed(4);
    root.dataset.split = split.toFixed(3);
  };

  // For those who do not see it; read aloud when it changes, not at every move.
  const tell = (words) => {
    if (find('state').textContent !== words) find('state').textContent = words;
  };

  const drawSide = (choice, left, right, height) => {
    const [tall, wide] = view.size;
    const place = [...origin, wide * scale, tall * scale];
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, right - left, height);
    pen.clip();
    pen.imageSmoothingEnabled = scale < 1;
    const opaque = find('opacity').value / 100;
    if (choice !== 'image' && !choice.startsWith('uncertainty')) {
      // Marks are seen on a dimmed photograph, classes through their opacity.
      const marks = /^(points|errors)/.test(choice);
      pen.globalAlpha = marks ? 0.5 : 1;
      pen.drawImage(view.image.sheet, ...place);
      pen.globalAlpha = marks ? 1 : opaque;
    }
    pen.drawImage(sheetOf(choice), ...place);
    pen.restore();
  };

  const fit = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    const [tall, wide] = view.size;
    scale = Math.min(width / wide, height / tall);
    origin = [(width - wide * scale) / 2, (height - tall * scale) / 2];
    fitted = true;
    draw();
  };

  // Zooms so that the image's pixel at (x, y) of the canvas stays there.
  const zoom = (factor, x = canvas.clientWidth / 2,
    y = canvas.clientHeight / 2) => {
    const least = Math.min(1, 64 / Math.max(...view.size));
    const next = Math.min(MOST, Math.max(least, scale * factor));
    origin = [x - (x - origin[0]) * next / scale,
      y - (y - origin[1]) * next / scale];
    scale = next;
    fitted = false;
    draw();
  };

  const pan = (x, y) => {
    origin = [origin[0] + x, origin[1] + y];
    fitted = false;
    draw();
  };

  const valueAt = (layer, x, y) => {
    const [tall, wide] = view.size;
    const row = Math.floor((y + 0.5) * layer.height / tall);
    const column = Math.floor((x + 0.5) * layer.width / wide);
    return layer.values[row * layer.width + column];
  };

  const read = (x, y) => {
    const [tall, wide] = view.size;
    const column = Math.floor((x - origin[0]) / scale);
    const row = Math.floor((y - origin[1]) / scale);
    if (row < 0 || column < 0 || row >= tall || column >= wide) return;
    const name = (layer) => data.classes[valueAt(layer, column, row)]?.name
      ?? 'not labelled';
    const stage = view.stages[current()];
    const words = [`row ${row}, column ${column}`];
    if (view.truth) words.push(`label ${name(view.truth)}`);
    words.push(`${nameOf(current())} ${name(stage.label)}`);
    if (stage.uncertainty) {
      const unsure = valueAt(stage.uncertainty, column, row) / 255;
      words.push(`uncertainty ${unsure.toFixed(2)}`);
    }
    find('readout').textContent = words.join(' · ');
  };

  window.magnetViewer = {
    data, find, canvas, hidden, load, draw, fit, zoom, pan, read, showStep,
    siblings, stageOf,
    ready: () => view !== null,
    refit: () => (fitted ? fit() : draw()),
    forget: () => view.drawn.clear(),
    setSplit: (share) => {
      split = Math.min(1, Math.max(0, share));
      draw();
    },
    split: () => split,
  };
})();
