"""Commands whose data have no images to validate on."""

import pytest


@pytest.fixture(
  params=[
    ('val_scenes=0', 'data.val_scenes 0: must be at least 1'),
    ('kind=files', 'data.val is empty: must name'),
    ('val=none.txt', 'none.txt: no such file'),
    ('val=empty.txt', 'empty.txt: names no image'),
    ('val=.', 'images: no such folder'),
  ],
  ids=lambda param: param[0],
)
def no_val(request, pair, tmp_path, monkeypatch):
  """Flags of data without val, and what is said about them."""
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'train.txt').write_text('\t'.join(map(str, pair)))
  (tmp_path / 'empty.txt').write_text('# nothing\n')
  flag, words = request.param
  flags = [f'--config.data.{flag}', '--config.data.train=train.txt']
  if 'scenes' not in flag:
    flags.append('--config.data.kind=files')
  return flags, words


def test_it_is_an_error_before_anything_is_written(
  no_val, checkpoint, tmp_path, fails
):
  flags, words = no_val
  line = fails('train', '--config=tiny', f'--workdir={tmp_path / "w"}', *flags)
  assert words in line
  assert not (tmp_path / 'w').exists()
  line = fails('tune', f'--checkpoint={checkpoint}', *flags)
  assert words in line
