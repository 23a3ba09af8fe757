"""What the names of files and folders say: image or label, which split."""

from collections.abc import Iterable
import dataclasses
import pathlib
import re
import unicodedata

_LABELS = frozenset(
  (
    'label',
    'labels',
    'mask',
    'masks',
    'annotation',
    'annotations',
    'annotated',
    'annot',
    'annots',
    'ann',
    'anno',
    'gt',
    'groundtruth',
    'truth',
    'segmentation',
    'segmentations',
    'segmentationclass',
    'seg',
    'segs',
    'target',
    'targets',
    'lbl',
    'labelids',
  )
)
_IMAGES = frozenset(
  (
    'image',
    'images',
    'img',
    'imgs',
    'photo',
    'photos',
    'jpegimages',
    'picture',
    'pictures',
    'rgb',
    'input',
    'inputs',
    'original',
    'originals',
    'raw',
    'leftimg8bit',
    'sat',
  )
)
_SPLITS = {
  'train': 'train',
  'training': 'train',
  'trn': 'train',
  'val': 'val',
  'valid': 'val',
  'validation': 'val',
  'dev': 'val',
  'test': 'test',
  'testing': 'test',
  'tst': 'test',
}
_FILLERS = frozenset(
  (
    'set',
    'list',
    'files',
    'split',
    'data',
    'dataset',
    'png',
    'jpg',
    'class',
    'object',
    'ground',
  )
)
_GLUED = re.compile('(train|val|valid|test)(annot|masks?|labels?|gt)')
_PARTS = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+')


@dataclasses.dataclass(frozen=True)
class Named:
  """What the path of a file says.

  Attributes:
    role: 'image', 'label', or '' where it does not say.
    split: 'train', 'val', 'test' or ''.
    context: the folders, without what told the role and the split.
    stem: the name, without what told the role; for pairing.
  """

  role: str
  split: str
  context: tuple[str, ...]
  stem: str


def parts(text: str) -> list[str]:
  """The words of a name: 'trainannot' and 'TrainAnnot' are two."""
  # Names such as JPEGImages and leftImg8bit are known as they are.
  plain = text.lower()
  if plain in _LABELS or plain in _IMAGES or plain in _SPLITS:
    return [plain]
  found = [part.lower() for part in _PARTS.findall(text)]
  result = []
  for part in found:
    glued = _GLUED.fullmatch(part)
    result += list(glued.groups()) if glued else [part]
  return result


def split_of(text: str) -> str:
  """The split that a folder or list is named for; '' for none or several."""
  words = parts(text)
  found = {_SPLITS[word] for word in words if word in _SPLITS}
  others = [
    w
    for w in words
    if w not in _SPLITS and w not in _LABELS | _IMAGES | _FILLERS
  ]
  return found.pop() if len(found) == 1 and not others else ''


def of_labels(text: str) -> bool:
  """Whether a folder is named for labels and nothing else: 'ground_truth'."""
  found = set(parts(text))
  return bool(found & _LABELS) and found <= _LABELS | _IMAGES | _FILLERS


def stem(path: pathlib.PurePath) -> str:
  """A file's name without suffix, as it is compared with others."""
  # Macs part letters from their accents, where others write them in one.
  return unicodedata.normalize('NFC', path.stem).lower()


def _role(words: Iterable[str]) -> str:
  found = set(words)
  if found & _LABELS:
    return 'label'
  return 'image' if found & _IMAGES else ''


def read(path: pathlib.PurePath) -> Named:
  """Reads the path of a file, relative to the folder of the data."""
  role, split, context = '', '', []
  for folder in path.parts[:-1]:
    split = split_of(folder) or split
    told = _role(parts(folder))
    role = told or role
    if told or split_of(folder):
      rest = [
        w
        for w in parts(folder)
        if w not in _LABELS | _IMAGES | _FILLERS and w not in _SPLITS
      ]
      context += rest
    else:
      context.append(folder.lower())
  bare, told = _stem(unicodedata.normalize('NFC', path.stem))
  # A suffix such as _mask beats the folder, which beats a prefix such as IMG_.
  role = 'label' if told == 'label' else role or told
  return Named(role, split, tuple(context), bare)


def _stem(stem: str) -> tuple[str, str]:
  """The stem without words of a role, in lower case; the role."""
  told = ''
  words = re.split(r'([-_. ]+)', stem)
  while len(words) > 2 and words[-1].lower() in _LABELS | _IMAGES:
    told = 'label' if words[-1].lower() in _LABELS else told or 'image'
    words = words[:-2]
  while len(words) > 2 and words[0].lower() in _LABELS | _IMAGES:
    told = 'label' if words[0].lower() in _LABELS else told or 'image'
    words = words[2:]
  return ''.join(words).lower(), told
