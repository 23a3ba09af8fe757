"""What memory.sh measured, as a table: one line an image and store."""

import collections
import json
import statistics
import sys


def main(path: str) -> None:
  with open(path) as file:
    runs = [json.loads(line) for line in file]
  groups = collections.defaultdict(list)
  for run in runs:
    groups[run['size'], run['store']].append(run)
  smallest = min(size for size, _ in groups)

  def middle(group, key):
    return statistics.median(run[key] for run in group)

  streamed = next(
    group
    for (size, store), group in groups.items()
    if size == smallest and store != 'memory'
  )
  alone = groups[smallest, 'memory']
  heads = (
    'pixels',
    'store',
    'peak MB',
    'ratio',
    'device MB',
    'windows',
    'ms/window',
    'ratio',
  )
  print(''.join(head.rjust(11) for head in heads))
  for (size, store), group in sorted(groups.items()):
    peak, each = middle(group, 'peak_mb'), middle(group, 'ms_a_window')
    cells = (
      f'{size}^2',
      store,
      f'{peak:.0f}',
      f'{peak / middle(streamed, "peak_mb"):.2f}',
      f'{middle(group, "device_mb"):.0f}',
      str(group[0]['windows']),
      f'{each:.1f}',
      f'{each / middle(alone, "ms_a_window"):.2f}',
    )
    print(''.join(cell.rjust(11) for cell in cells))
  print(
    f'\npeak MB: of the host above imports, weights and programs, median of '
    f'{len(streamed)} runs of the smallest; its ratio to that of the smallest '
    'streamed\nms/window: of all stages but the first, its ratio to that in '
    'memory; with networks that\ndo next to nothing'
  )


if __name__ == '__main__':
  main(sys.argv[1])
