// What a hand does to the viewer: pointers, wheel, keys, sliders, legend.
'use strict';
(() => {
  const viewer = window.magnetViewer;
  const { data, find, canvas } = viewer;
  const pointers = new Map();

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const whenReady = (act) => (...given) => {
    if (viewer.ready()) act(...given);
  };

  const move = whenReady((event) => {
    const [x, y] = at(event);
    const before = pointers.get(event.pointerId);
    if (!before) return viewer.read(x, y);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, [x, y]);
    if (!other) return viewer.pan(x - before[0], y - before[1]);
    // Two fingers: the middle moves, their distance zooms.
    const distance = ([a, b]) => Math.hypot(a - other[0], b - other[1]) || 1;
    viewer.pan((x - before[0]) / 2, (y - before[1]) / 2);
    return viewer.zoom(distance([x, y]) / distance(before),
      (x + other[0]) / 2, (y + other[1]) / 2);
  });

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    canvas.classList.add('dragging');
    // A finger does not hover: what it touches is read.
    if (viewer.ready()) viewer.read(...at(event));
  });
  canvas.addEventListener('pointermove', move);
  for (const kind of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(kind, (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) canvas.classList.remove('dragging');
    });
  }
  canvas.addEventListener('wheel', whenReady((event) => {
    event.preventDefault();
    viewer.zoom(Math.exp(-event.deltaY / 300), ...at(event));
  }), { passive: false });
  canvas.addEventListener('dblclick', whenReady((event) => {
    viewer.zoom(4, ...at(event));
  }));

  const KEYS = {
    ArrowLeft: () => viewer.pan(60, 0), ArrowRight: () => viewer.pan(-60, 0),
    ArrowUp: () => viewer.pan(0, 60), ArrowDown: () => viewer.pan(0, -60),
    '+': () => viewer.zoom(1.5), '=': () => viewer.zoom(1.5),
    '-': () => viewer.zoom(1 / 1.5), 0: () => viewer.fit(),
    '[': () => viewer.setSplit(viewer.split() - 0.05),
    ']': () => viewer.setSplit(viewer.split() + 0.05),
    ',': () => step(-1), '.': () => step(1),
  };
  canvas.addEventListener('keydown', whenReady((event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
    viewer.read(canvas.clientWidth / 2, canvas.clientHeight / 2);
  }));

  const divider = find('divider');
  divider.addEventListener('pointerdown', (event) => {
    divider.setPointerCapture(event.pointerId);
  });
  divider.addEventListener('pointermove', whenReady((event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    viewer.setSplit(at(event)[0] / canvas.clientWidth);
  }));
  find('split').addEventListener('input', whenReady((event) => {
    viewer.setSplit(event.target.value / 100);
  }));
  find('opacity').addEventListener('input', viewer.draw);

  // The stage slider moves every side that shows a stage, within its method.
  const showStage = whenReady(() => {
    const wanted = Number(find('step').value);
    for (const side of ['left', 'right']) {
      const select = find(side);
      const before = viewer.stageOf(select.value);
      if (before === null) continue;
      const own = viewer.siblings(before);
      const index = own[Math.min(wanted, own.length - 1)];
      const kind = select.value.split(' ')[0];
      const values = [...select.options].map((option) => option.value);
      // Stage 0 chooses no points: its segmentation is the next best.
      const next = `${kind} ${index}`;
      select.value = values.includes(next) ? next : `label ${index}`;
    }
    viewer.showStep();
    viewer.draw();
  });
  const step = (change) => {
    find('step').value = Number(find('step').value) + change;
    showStage();
  };
  find('step').addEventListener('input', showStage);
  for (const side of ['left', 'right']) {
    find(side).addEventListener('change', whenReady(() => {
      viewer.showStep();
      viewer.draw();
    }));
  }

  find('in').addEventListener('click', whenReady(() => viewer.zoom(2)));
  find('out').addEventListener('click', whenReady(() => viewer.zoom(0.5)));
  find('fit').addEventListener('click', whenReady(() => viewer.fit()));

  const picture = find('picture');
  data.views.forEach((each, index) => {
    picture.append(new Option(each.title, index));
  });
  picture.addEventListener('change', () => viewer.load(picture.value));

  data.classes.forEach((one, index) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('aria-pressed', 'true');
    const swatch = document.createElement('span');
    swatch.className = 'swatch';
    swatch.style.background = `rgb(${one.colour.join(' ')})`;
    button.append(swatch, one.name);
    button.addEventListener('click', whenReady(() => {
      const shown = viewer.hidden.delete(index);
      if (!shown) viewer.hidden.add(index);
      button.setAttribute('aria-pressed', String(shown));
      viewer.forget();
      viewer.draw();
    }));
    const item = document.createElement('li');
    item.append(button);
    find('legend').append(item);
  });

  new ResizeObserver(whenReady(viewer.refit)).observe(canvas);
  viewer.load(0);
})();
