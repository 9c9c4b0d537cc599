"""docs/benchmarks.md, made of one file of results, which also gives the README's figures.

Of files of other machines it has what the targets found there.
"""

import pathlib
from collections.abc import Sequence

from .alternate import ROOT
from .costs import LABELS as COSTS
from .peers import LABELS, OURS
from .results import Results, others
from .sections import put
from .sets import GRID_PEERS, SEEDS, grid, in_grid
from .setting import Setting
from .speed import speed
from .summary import Spread, ratio, spread
from .tables import times, why_not
from .targets import TARGETS

PAGE, README = ROOT / 'docs' / 'benchmarks.md', ROOT / 'README.md'


def report(results: Results, elsewhere: Sequence[Results] = ()) -> str:
    """Returns the page, in Markdown; of results from elsewhere what their targets found."""
    races = sorted(
        ((Setting(**race['setting']), race['rows']) for race in results.races),
        key=lambda race: _place(race[0]),
    )
    parts = [
        _head(results.machine),
        _targets(results),
        _elsewhere(elsewhere),
        *(_race(setting, rows) for setting, rows in races if not in_grid(setting)),
        *(_grid(results, seed) for seed in SEEDS),
        _costs(results.costs),
        _picture(results.path.with_suffix('.png')),
    ]
    return '\n\n'.join(part for part in parts if part) + '\n'


def write(path: pathlib.Path) -> None:
    """Writes docs/benchmarks.md and the README's section on speed from a file of results."""
    results = Results.read(path)
    PAGE.write_text(report(results, others(path)), encoding='utf-8')
    README.write_text(put(README.read_text(encoding='utf-8'), speed(results)), encoding='utf-8')


def _head(machine):
    versions = ', '.join(f'{k} {v}' for k, v in machine['versions'].items() if v)
    return f"""# Benchmarks

    python -m benchmarks all        # measures; python -m benchmarks short takes five minutes
    python -m benchmarks report     # writes this page from the fullest file in benchmarks/results

{_processor(machine)};
Python {machine['python']}, {versions}.

The seed model: 256 ids, width 512, two GRUs, 3.4 million weights. Each library runs in a process of
its own with the same weights, tokens, loss, Adam and threads; processes take turns, run by run, and
one whose outputs are not those of float64 NumPy is refused
([benchmarks/README.md](../benchmarks/README.md)). Times are medians, with quartiles in brackets.
"x ours" is its time over that of retrax, pair by pair: above 1 retrax is faster. "Reset" is where
the reset gate acts: before the product with the recurrent matrix, as in Trax, which costs two
products in each step, or after it, which costs one. "Ready" is building, compiling and the first
run. bf16 is what each library offers by that name; see the first lines of its file in
benchmarks/peers."""


def _processor(machine):
    fast = [name for flag, name in _INSTRUCTIONS.items() if flag in machine['cpu_flags']]
    return (
        f'{machine["date"]}, {machine["cpu"]}{f" with {fast[0]}" if fast else ""}, '
        f'{machine["cores"]} cores, {machine["threads"]} threads'
    )


_INSTRUCTIONS = {'amx_bf16': 'AMX', 'avx512f': 'AVX-512, without AMX', 'avx2': 'AVX2'}  # the best


def _picture(path):
    if not path.exists():
        return ''
    return (
        '## As a picture\n\n    python -m benchmarks all --plot\n\n'
        '![Microseconds per token of each library, race by race]'
        f'(../benchmarks/results/{path.name})'
    )


def _targets(results):
    lines = ['## Targets', '', '| retrax against | wanted | found | |', '|---|---:|---:|---|']
    for target in TARGETS:
        found = target.found(results)
        if found is None:
            lines.append(f'| {target.what} | {target.wanted} | | not measured |')
        else:
            word = 'met' if target.met(found.median) else '**missed**'
            lines.append(f'| {target.what} | {target.wanted} | {times(found)} | {word} |')
    return '\n'.join(lines)


def _elsewhere(machines):
    """What the targets found on other machines; a line for each target that any of them has."""
    if not machines:
        return ''
    lines = ['## The targets on other machines', '', 'What misses its target is bold.', '']
    lines += [f'{_letter(i)}: {_processor(m.machine)}.' for i, m in enumerate(machines)]
    letters = ' | '.join(_letter(i) for i in range(len(machines)))
    lines += ['', f'| | wanted | {letters} |', '|---|---:|' + '---:|' * len(machines)]
    for target in TARGETS:
        found = [target.found(machine) for machine in machines]
        cells = [_mark(target, one) for one in found]
        if any(cells):
            lines.append(f'| {target.what} | {target.wanted} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def _letter(i):
    return chr(ord('A') + i)


def _mark(target, found):
    if found is None:
        return ''
    return times(found) if target.met(found.median) else f'**{times(found)}**'


def _race(setting, rows):
    """One race: a line for each peer, the fastest first, then those without times."""
    timed = {peer: row for peer, row in rows.items() if row.get('wall')}
    order = sorted(timed, key=lambda peer: spread(timed[peer]['wall']).median)
    lines = [
        f'## {setting}'.replace(setting.task, _TITLES[setting.task], 1),
        '',
        f'| | reset | ms | {_PER[setting.task]} | x ours | cpu ms | ready s | runs |',
        '|---|---|---:|---:|---:|---:|---:|---:|',
        *(_line(setting, rows, peer) for peer in order),
    ]
    missing = [f'{LABELS[p]}: {why_not(r)}.' for p, r in rows.items() if p not in timed]
    return '\n'.join(lines + ([''] + missing if missing else []))


def _place(setting):
    """Where a race stands on the page."""
    sizes = setting.time, setting.batch, setting.new_tokens
    return list(_TITLES).index(setting.task), *sizes, setting.precision != 'float32'


_TITLES = {'train': 'Training', 'forward': 'Eval pass', 'decode': 'Decoding'}
_PER = {'train': 'tokens/s', 'forward': 'tokens/s', 'decode': 'µs per token'}


def _line(setting, rows, peer):
    row, ours = rows[peer], rows.get(OURS, {}).get('wall')
    wall, label = spread(row['wall']), LABELS[peer]
    seconds = wall.median / setting.tokens
    rate = f'{seconds * 1e6:.1f}' if setting.task == 'decode' else f'{1 / seconds:,.0f}'
    reset = '' if row['convention'] is None else 'before' if row['convention'][0] else 'after'
    cells = [
        f'**{label}**' if peer == OURS else label,
        reset,
        _milliseconds(wall),
        rate,
        times(ratio(row['wall'], ours)) if ours and peer != OURS else '',
        f'{spread(row["cpu"]).median * 1e3:.1f}',
        f'{row["ready_s"]:.1f}',
        str(len(row['wall'])),
    ]
    return f'| {" | ".join(cells)} |'


def _milliseconds(found: Spread) -> str:
    return f'{found.median * 1e3:.1f} ({found.low * 1e3:.1f} to {found.high * 1e3:.1f})'


def _grid(results, seed):
    """The grid at the task and precision of a seed model: our time, and the ratio to each peer.

    Cells that were not run say why.
    """
    lines, others = [], [peer for peer in GRID_PEERS if peer != OURS]
    kind = seed.task, seed.precision
    cells = [p.setting for p in grid() if (p.setting.task, p.setting.precision) == kind]
    for cell in sorted([seed, *cells]):
        rows = results.race(cell)
        sizes = f'| {cell.width} | {cell.time} | {cell.batch}'
        ours = rows.get(OURS, {}).get('wall')
        if ours:
            ratios = ' | '.join(_ratio(rows.get(peer, {}), ours) for peer in others)
            lines.append(f'{sizes} | {spread(ours).median * 1e3:.1f} | {ratios} | {len(ours)} |')
        elif results.skipped(cell):
            lines.append(f'{sizes} | {results.skipped(cell)} | | | | |')
    if not lines:
        return ''
    head = f'| d | T | B | ours, ms | {" | ".join(LABELS[peer] for peer in others)} | runs |'
    title = f'## {_TITLES[seed.task]} over widths, lengths and batches, {seed.precision}'
    return '\n'.join([title, '', head, '|---:' * 8 + '|', *lines])


def _ratio(row, ours):
    if not row:
        return ''  # did not take part
    return times(ratio(row['wall'], ours)) if row.get('wall') else why_not(row)


def _costs(costs):
    lines = [
        f'| {COSTS[group, name]} | {spread(found).median:.2f} | {len(found)} |'
        for group, names in costs.items()
        for name, found in names.items()
    ]
    if not lines:
        return ''
    return '\n'.join(['## Paid once', '', '| | seconds | runs |', '|---|---:|---:|', *lines])
