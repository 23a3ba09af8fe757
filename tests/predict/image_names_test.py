import pathlib

import pytest

from magnet_jax.predict import image_names
from magnet_jax.types import InputError

DOWNLOADS = pathlib.Path('out', 'downloads')


@pytest.fixture(name='folder')
def make_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  for name in ('b.JPG', 'a.png', '.c.png', 'd.txt', 'in/e.tif', 'f[1].jpg'):
    path = pathlib.Path('photos', name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('b.JPG\nin/e.tif\tlabel.png\n# none\n')
  pathlib.Path('list.txt').write_text('https://a.org/b.tif\n')
  pathlib.Path('vsi.txt').write_text('/vsicurl/http://a.org/b.tif\n')
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
  images = image_names.find(names, DOWNLOADS)
  assert [*images] == [pathlib.Path('photos', x) for x in found]
  assert not any(images.values())


@pytest.mark.usefixtures('folder')
@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('s3://a/b.tif', 's3://a/b.tif: must be an address of http'),
    ('/vsis3/a/b.tif', '/vsis3/a/b.tif: is a path of GDAL, of which only'),
    ('/vsigzip/a.tif.gz', 'unpack or download it first'),
    ('/vsitar/a.tar/b.tif', 'unpack or download it first'),
    ('/vsicurl?url=http://a/b.tif', 'unpack or download it first'),
    ('/vsizip/a.zip/b.tif', 'a.zip is no file; name a zip file'),
    ('/vsizip/photos/d.txt/b.doc', 'its name has no suffix of an image'),
    ('list.txt', r'names https:/a.org/b.tif, which is no file; give addresses'),
    ('vsi.txt', 'names /vsicurl/http:/a.org/b.tif, which is no file'),
    ('none.json', 'none.json: no such file'),
    ('photos/*.gif', 'no file has such a name'),
    ('none.txt', 'none.txt: no such file'),
  ],
)
def test_names_of_no_image(name, words):
  with pytest.raises(InputError, match=words):
    image_names.find([name], DOWNLOADS)


def test_a_folder_without_images(tmp_path):
  with pytest.raises(InputError, match=r'holds no \.jpg, .*name another'):
    image_names.find([str(tmp_path)], DOWNLOADS)


@pytest.mark.usefixtures('folder')
@pytest.mark.parametrize(
  ('name', 'origin', 'place'),
  [
    ('https://a.org/x/y/b.TIF', None, 'y/b.tif'),
    ('https://a.org/b.tif?key=../c', 'https://a.org/b.tif?…', 'a.org/b.tif'),
    ('/vsicurl/http://a.org/b.tif', 'http://a.org/b.tif', 'a.org/b.tif'),
    ('http://a.org/x/%2e%2e/b%00.c.png', 'http://a.org/x/../b\0.c.png',
     '_./b_.c.png'),
    (f'http://a.org/{"é" * 99}.png', None, f'a.org/{"é" * 60}.png'),
    ('/vsizip/photos/d.txt/../x/b.tif', None, 'x/b.tif'),
  ],
)  # fmt: skip
def test_where_what_is_elsewhere_will_be(name, origin, place):
  ((path, found),) = image_names.find([name, name], DOWNLOADS).items()
  assert str(found) == (origin or name)
  digits, *rest = path.relative_to(DOWNLOADS).parts
  assert len(digits) == 12 and '/'.join(rest) == place


def test_what_has_the_same_name_is_kept_apart():
  names = [f'https://a.org/{n}/c/b.tif' for n in range(3)]
  names.append('https://a.org/0/c/b.tif?d=1')
  found = image_names.find([*names, names[0]], DOWNLOADS)
  assert len(found) == 4
  assert len({path.parts[-2:] for path in found}) == 1
