// Sends images and orders, and shows how far the work is.
'use strict';
(() => {
  const find = (name) => document.querySelector(`[data-part="${name}"]`);
  const complain = (text) => { find('error').textContent = text; };

  const ask = async (path, options) => {
    let answer = null;
    try {
      answer = await fetch(path, options);
    } catch {
      throw new Error('magnet-jax serve has ended; start it again');
    }
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error);
    return found;
  };

  const order = (page, method, settings) => ask(`${page}/order`, {
    method: 'POST', body: JSON.stringify({ method, settings }),
  });

  const drop = find('drop');
  const send = async (file) => {
    if (!file) return;
    complain('');
    find('says').textContent = `reading ${file.name}`;
    try {
      const name = encodeURIComponent(file.name);
      const { page } = await ask(`/images?name=${name}`,
        { method: 'POST', body: file });
      await order(page, drop.dataset.first, {});
      location.assign(page);
    } catch (error) {
      find('says').textContent = '';
      complain(error.message);
    }
  };

  if (drop) {
    const over = (on) => (event) => {
      event.preventDefault();
      drop.classList.toggle('over', on);
    };
    drop.addEventListener('dragover', over(true));
    drop.addEventListener('dragleave', over(false));
    drop.addEventListener('drop', (event) => {
      over(false)(event);
      send(event.dataTransfer.files[0]);
    });
    find('file').addEventListener('change', (event) => {
      send(event.target.files[0]);
      event.target.value = '';
    });
    return;
  }

  const page = location.pathname;
  // Ways that had come to an end when the page was made.
  let finished = Number(find('work').dataset.finished);
  let shown = '';

  const follow = async () => {
    let state = null;
    try {
      state = await ask(`${page}/state`);
    } catch (error) {
      complain(error.message);
      return;
    }
    if (state.finished > finished && !state.error) {
      location.reload();
      return;
    }
    finished = state.finished;
    if (state.error) complain(state.error);
    find('work').hidden = state.waiting === 0;
    const others = state.waiting - 1;
    const more = others > 0 ? `, ${others} more waiting` : '';
    find('says').textContent = state.title
      ? `${state.title}: ${state.says}${more}` : 'waiting for other images';
    find('progress').value = state.total ? state.done / state.total : 0;
    const picture = find('preview');
    const wanted = `${state.title} ${state.shown}`;
    if (state.shown && wanted !== shown) {
      shown = wanted;
      picture.src = `${page}/files/preview.jpg?${encodeURIComponent(shown)}`;
      picture.hidden = false;
    }
    if (state.waiting) setTimeout(follow, 250);
  };

  const method = find('method');
  const settings = [...document.querySelectorAll('[data-setting]')];
  const choose = () => {
    const { about, settings: own } = method.selectedOptions[0].dataset;
    find('about').textContent = about;
    for (const label of settings) {
      label.hidden = !JSON.parse(own).includes(label.dataset.setting);
    }
  };
  method.addEventListener('change', choose);
  choose();

  find('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    complain('');
    const given = {};
    for (const label of settings) {
      const field = label.querySelector('input');
      if (!label.hidden && field.value !== '') {
        given[field.name] = Number(field.value);
      }
    }
    try {
      await order(page, method.value, given);
      follow();
    } catch (error) {
      complain(error.message);
    }
  });

  follow();
})();
