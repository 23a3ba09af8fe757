"""The rows of the table: groups of cases and how many of each are drawn."""

from collections.abc import Callable

import fuzz_annotations
import fuzz_beside
from fuzz_case import Case
import fuzz_choices
import fuzz_elsewhere
import fuzz_files
from fuzz_files import Seeds
import fuzz_flags
from hypothesis.strategies import SearchStrategy

# Strategies by name, each with its share of all cases.
GROUPS: dict[str, tuple[Callable[[Seeds], SearchStrategy[Case]], float]] = {
  'images': (fuzz_files.images, 0.17),
  'sidecars': (fuzz_beside.sidecars, 0.03),
  'labels': (fuzz_files.labels, 0.1),
  'checkpoints': (fuzz_files.checkpoints, 0.1),
  'run folders': (fuzz_files.stores, 0.05),
  'foreign weights': (fuzz_files.foreign, 0.1),
  'zips': (fuzz_files.zips, 0.05),
  'folders and lists': (fuzz_files.lists, 0.05),
  'elsewhere': (fuzz_elsewhere.elsewhere, 0.05),
  'annotations': (fuzz_annotations.annotations, 0.05),
  'reports': (fuzz_files.reports, 0.06),
  'resumed': (fuzz_beside.resumed, 0.02),
  'configs': (fuzz_flags.configs, 0.06),
  'flags': (fuzz_flags.odd_flags, 0.11),
  'combinations': (fuzz_choices.combinations, 0.08),
  'words': (fuzz_flags.odd_words, 0.03),
  'paths': (fuzz_flags.odd_paths, 0.05),
  'environment': (fuzz_flags.environments, 0.02),
}
