"""What file and folder names reveal: image or label, and which split."""

from collections.abc import Iterable
import dataclasses
import pathlib
import re
import unicodedata


def _words(text: str) -> frozenset[str]:
  return frozenset(text.split())


_LABELS = _words(
  'label labels mask masks annotation annotations annotated annot annots ann '
  'anno gt groundtruth truth segmentation segmentations segmentationclass seg '
  'segs target targets lbl labelids'
)
_IMAGES = _words(
  'image images img imgs photo photos jpegimages picture pictures rgb input '
  'inputs original originals raw leftimg8bit sat'
)
_FILLERS = _words(
  'set list files split data dataset png jpg class object ground'
)
_SPLITS = {
  word: split
  for split, words in {
    'train': 'train training trn',
    'val': 'val valid validation dev',
    'test': 'test testing tst',
  }.items()
  for word in _words(words)
}
_GLUED = re.compile('(train|val|valid|test)(annot|masks?|labels?|gt)')
_PARTS = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+')


@dataclasses.dataclass(frozen=True)
class Named:
  """What the path of a file reveals.

  Attributes:
    role: 'image', 'label', or '' if unknown.
    split: 'train', 'val', 'test' or ''.
    context: the folders, without the words for role and split.
    stem: the name, without the words for the role; for pairing.
  """

  role: str
  split: str
  context: tuple[str, ...]
  stem: str


def parts(text: str) -> list[str]:
  """Splits a name into words: 'trainannot' and 'TrainAnnot' are two."""
  # Names such as JPEGImages and leftImg8bit are known as a whole.
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
  """Returns the split a folder or list is named after; '': none or several."""
  words = parts(text)
  found = {_SPLITS[word] for word in words if word in _SPLITS}
  others = [
    w
    for w in words
    if w not in _SPLITS and w not in _LABELS | _IMAGES | _FILLERS
  ]
  return found.pop() if len(found) == 1 and not others else ''


def of_labels(text: str) -> bool:
  """Tells whether a folder is named after labels only: 'ground_truth'."""
  found = set(parts(text))
  return bool(found & _LABELS) and found <= _LABELS | _IMAGES | _FILLERS


def stem(path: pathlib.PurePath) -> str:
  """Returns a file's name without suffix, normalised for comparison."""
  # macOS stores letters and accents separately, other systems combined.
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
    found = _role(parts(folder))
    role = found or role
    if found or split_of(folder):
      context += [
        w
        for w in parts(folder)
        if w not in _LABELS | _IMAGES | _FILLERS and w not in _SPLITS
      ]
    else:
      context.append(folder.lower())
  bare, found = _stem(unicodedata.normalize('NFC', path.stem))
  # A suffix such as _mask beats the folder, which beats a prefix such as IMG_.
  role = 'label' if found == 'label' else role or found
  return Named(role, split, tuple(context), bare)


def _stem(stem: str) -> tuple[str, str]:
  """Returns the stem in lower case without words for the role, and the role."""
  role = ''
  words = re.split(r'([-_. ]+)', stem)
  while len(words) > 2 and words[-1].lower() in _LABELS | _IMAGES:
    role = 'label' if words[-1].lower() in _LABELS else role or 'image'
    words = words[:-2]
  while len(words) > 2 and words[0].lower() in _LABELS | _IMAGES:
    role = 'label' if words[0].lower() in _LABELS else role or 'image'
    words = words[2:]
  return ''.join(words).lower(), role
