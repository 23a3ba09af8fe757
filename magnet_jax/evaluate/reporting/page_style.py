"""The style sheet of the HTML report: light and dark, no script, no font."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d2125; --quiet: #666f78;
  --rule: #e3e1dc; --bar: #a5cdc5; --best: #0b6b5c; --worse: #a3402c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1c2024; --ink: #e6e8ea; --quiet: #97a1ab;
    --rule: #30363c; --bar: #25504a; --best: #6fd3c1; --worse: #ee9480;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2.5rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, 'Segoe UI',
  Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif;
}
main { max-width: 68rem; margin: 0 auto; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .8rem; }
p { margin: .4rem 0; max-width: 46rem; }
.quiet, figcaption, caption { color: var(--quiet); font-size: .875rem; }
.card {
  background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: .4rem 1rem; overflow-x: auto;
}
table { border-collapse: collapse; width: 100%; }
th, td {
  padding: .55rem .6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums;
}
tr:last-child > * { border-bottom: 0; }
thead th { color: var(--quiet); font-weight: 500; font-size: .85rem; }
th:first-child, td:first-child { text-align: left; }
tbody th { font-weight: 600; }
.wordy th, .wordy td {
  text-align: left; white-space: normal; overflow-wrap: break-word;
}
.wordy td { overflow-wrap: anywhere; min-width: 11rem; }
.bar {
  display: block; height: 5px; margin-top: .3rem; border-radius: 3px;
  background: linear-gradient(var(--bar), var(--bar)) left / var(--share) 100%
    no-repeat, var(--rule);
  min-width: 5.5rem;
}
.best { color: var(--best); font-weight: 700; }
.best .bar { background: linear-gradient(var(--best), var(--best)) left /
    var(--share) 100% no-repeat, var(--rule); }
th .quiet { font-weight: 400; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; padding: 0;
  margin: 0; list-style: none; }
.swatch {
  display: inline-block; width: .95em; height: .95em; margin-right: .5em;
  border-radius: 3px; border: 1px solid rgb(128 128 128 / .6);
  vertical-align: -.1em;
}
svg { display: block; width: 100%; min-width: 14rem; height: 24px; }
svg .axis { stroke: var(--rule); }
svg .zero { stroke: var(--quiet); stroke-dasharray: 2 2; }
svg .interval { stroke-width: 6; stroke-linecap: round; }
.above { color: var(--best); } .below { color: var(--worse); }
svg .interval { stroke: currentColor; opacity: .45; }
svg circle { fill: currentColor; }
figure { margin: 0 0 1.6rem; }
figcaption { margin: .45rem 0; }
summary { cursor: zoom-in; list-style: none; }
summary::-webkit-details-marker { display: none; }
details[open] > summary { cursor: zoom-out; overflow: auto; }
summary img {
  display: block; max-width: 100%; height: auto; border-radius: 8px;
  border: 1px solid var(--rule);
}
details[open] > summary img { max-width: none; border-radius: 0; }
@media print { body { padding: 0; } .card { border: 0; } }
"""
