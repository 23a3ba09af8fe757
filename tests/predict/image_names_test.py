import pathlib

import pytest

from magnet_jax.predict import image_names
from magnet_jax.types import InputError


@pytest.fixture(name='folder')
def make_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  for name in ('b.JPG', 'a.png', '.c.png', 'd.txt', 'in/e.tif', 'f[1].jpg'):
    path = pathlib.Path('photos', name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('b.JPG\nin/e.tif\tlabel.png\n# none\n')
  return tmp_path


@pytest.mark.usefixtures('folder')
@pytest.mark.parametrize(
  ('names', 'found'),
  [
    (['photos'], ['a.png', 'b.JPG', 'f[1].jpg']),
    (['photos/*.JPG', 'photos/a.png'], ['b.JPG', 'a.png']),
    (['photos/**/*.tif'], ['in/e.tif']),
    (
      ['photos/a.png', 'photos', 'photos/a.png'],
      ['a.png', 'b.JPG', 'f[1].jpg'],
    ),
    (['photos/d.txt'], ['b.JPG', 'in/e.tif']),
    (['photos/f[1].jpg'], ['f[1].jpg']),  # a file that looks like a pattern
    (['photos/missing.png'], ['missing.png']),  # told of when it is opened
  ],
)
def test_what_names_stand_for(names, found):
  assert image_names.find(names) == [pathlib.Path('photos', x) for x in found]


@pytest.mark.usefixtures('folder')
@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('https://a.org/b.tif', 'https://a.org/b.tif: is an address.*download'),
    ('/vsizip/a.zip/b.tif', '/vsizip/a.zip/b.tif: is a path of GDAL'),
    ('photos/*.gif', 'no file has such a name'),
    ('none.txt', 'none.txt: no such file'),
  ],
)
def test_names_of_no_image(name, words):
  with pytest.raises(InputError, match=words):
    image_names.find([name])


def test_a_folder_without_images(tmp_path):
  with pytest.raises(InputError, match=r'holds no \.jpg, .*name another'):
    image_names.find([str(tmp_path)])
