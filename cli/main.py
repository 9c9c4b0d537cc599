"""The command line: what can be said, and how errors are told."""

import sys
from pathlib import Path
from typing import Any

import click

from .. import __version__

DEBUG = 'retrax.debug'  # in a context's meta: whether the traceback of an error is wanted


class Command(click.Command):
    """A command that tells a user's error in one message; `--debug` shows where it was raised."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(['--debug'], is_flag=True, help='Show the traceback of an error.')
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; exits with 1 after an error that a user can mend."""
        debug = ctx.meta[DEBUG] = ctx.params.pop('debug')
        try:
            return super().invoke(ctx)
        except Exception as error:
            if debug or isinstance(error, click.ClickException) or not is_for_users(error):
                raise
            click.echo(f'Error: {error}', err=True)
            sys.exit(1)


def is_for_users(error: Exception) -> bool:
    """Whether an error is one that a user can mend, so that its message says it all."""
    if isinstance(error, click.exceptions.Exit | click.Abort | BrokenPipeError):
        return False  # click ends by itself: of a pipe, without a word, whoever read had enough
    if isinstance(error, ValueError | OSError | FloatingPointError):
        return True
    from ..combinators import LayerError
    from ..data import MissingLibraryError

    return isinstance(error, LayerError | MissingLibraryError)


def _allow_imports(ctx, _, is_set):
    if is_set:
        from ..configs import imports_allowed

        ctx.with_resource(imports_allowed())


allow_imports = click.option(
    '--allow-imports',
    is_flag=True,
    expose_value=False,
    callback=_allow_imports,
    help='Let the config import modules, which runs their code.',
)


best_weights = click.option(
    '--best', is_flag=True, help='The weights of the best evaluation, not the newest.'
)


@click.group(context_settings={'help_option_names': ['-h', '--help']})
@click.version_option(__version__, prog_name='retrax')
def main() -> None:
    """retrax: compose models from layers, train them, sample from them."""


@main.command(cls=Command)
@click.argument('config')
@click.option(
    '--gin', 'bindings', multiple=True, help="One more binding, e.g. --gin 'GRULM.n_layers = 3'."
)
@click.option('--steps', type=click.IntRange(min=1), help='The same as --gin STEPS=N.')
@click.option(
    '--out',
    type=click.Path(path_type=Path, file_okay=False),
    help='The directory of the run; runs/NAME if it is not given.',
)
@click.option('--fresh', is_flag=True, help='Begin a new run, NAME-2, -3, ...; delete nothing.')
@allow_imports
def train(
    config: str, bindings: tuple[str, ...], steps: int | None, out: Path | None, fresh: bool
) -> None:
    """Train as CONFIG says: a name that comes with retrax, or a path to a .gin file.

    A run that was interrupted goes on where it was.
    """
    from .train import run

    extra = bindings if steps is None else (*bindings, f'STEPS = {steps}')
    run(config, extra, out, fresh)


@main.command(cls=Command)
@click.argument('names', metavar='CONFIG...', nargs=-1, required=True)
@click.option(
    '--grid', multiple=True, help="A binding with a list of values: --grid 'GRULM.n_layers=[1, 2]'."
)
@click.option(
    '--list',
    'listed',
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with the bindings of a run on each line, ';' between them.",
)
@click.option(
    '--out',
    default='runs/sweep',
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help='The folder of the runs.',
)
@allow_imports
def sweep(names: tuple[str, ...], grid: tuple[str, ...], listed: Path | None, out: Path) -> None:
    """Train each CONFIG with each line of a list and each combination of a grid; print a table.

    Runs that have finished are left alone, and one that was interrupted goes on.
    """
    from .sweep import run

    run(names, grid, listed, out, debug=click.get_current_context().meta[DEBUG])


@main.command(cls=Command)
@click.argument('names', metavar='CONFIG...', nargs=-1, required=True)
@click.option(
    '--sample', default=200, show_default=True, type=click.IntRange(min=0), help='Characters.'
)
@allow_imports
def compare(names: tuple[str, ...], sample: int) -> None:
    """Print each CONFIG or RUN: weights, time of a step, held-out figures, a sample.

    Perplexity is per character, or per token of a target. Of a config, what was learned is that of
    runs/NAME.
    """
    from .compare import compare

    compare(names, sample)


@main.command(cls=Command)
@click.argument('runs', nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option('--metric', default='loss', show_default=True, help='heldout_bits_per_character, ...')
@click.option('--png', type=click.Path(path_type=Path, dir_okay=False), help='Also as a picture.')
def plot(runs: tuple[Path, ...], metric: str, png: Path | None) -> None:
    """Draw the loss, or another metric, of each of RUNS by its steps."""
    from .plot import plot

    plot(runs, metric, png)


@main.command(cls=Command)
@click.argument('folder', default='runs', type=click.Path(path_type=Path))
def runs(folder: Path) -> None:
    """List the runs of FOLDER (runs/): state, step, last loss, held-out bits per character."""
    from .runs import show

    show(folder)


@main.command('eval', cls=Command)
@click.argument('run', type=click.Path(path_type=Path))
@click.option('--data', help='A UTF-8 text file; the held-out text of the run if it is not given.')
@click.option(
    '--protocol',
    type=click.Choice(['carried', 'windows', 'documents', 'packed']),
    help='How the text is cut, and where state begins anew; as in training by default.',
)
@click.option(
    '--batch-size', type=click.IntRange(min=1), help='Streams; as in training by default.'
)
@click.option('--window', type=click.IntRange(min=1), help='Tokens; as in training by default.')
@best_weights
@allow_imports
def evaluate(run: Path, data: str | None, protocol: str | None, **more: Any) -> None:
    """Report loss, perplexity, bits per character, or the share that is right, of RUN on a text."""
    from .evaluate import show

    show(run, data, protocol, **more)


@main.command(cls=Command)
@click.argument('run', type=click.Path(path_type=Path))
@click.option('--prompt', default='', help='The text to go on from.')
@click.option(
    '--length',
    type=click.IntRange(min=1),
    help='Tokens; 300 if there is room, or those of a target in training.',
)
@click.option(
    '--temperature', type=click.FloatRange(min=0.0), help='0.8, or 0 where RUN has learned pairs.'
)
@click.option('--top-k', type=click.IntRange(min=1), help='Choose among the K most probable.')
@click.option('--top-p', type=float, help='Choose among the fewest that have probability P.')
@click.option('--min-p', type=float, help='Choose among those at least P times the most probable.')
@click.option('--repetition-penalty', type=float, help='Above 1: repeat less.')
@click.option('--banned', help='Characters that are never written.')
@click.option('--eos', help="The character that ends a text, e.g. $'\\n'; it is not written.")
@click.option('--regex', help='Write texts that match this regular expression, as a whole.')
@click.option('--seed', default=0, show_default=True)
@click.option(
    '--prompt-file',
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='A UTF-8 file with the text to go on from.',
)
@click.option(
    '--prompts',
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='A UTF-8 file with a text to go on from on each line: a table of all.',
)
@click.option('--n', type=click.IntRange(min=1), help='Make N texts of each prompt, in a table.')
@click.option('--json', 'as_json', is_flag=True, help='Print a line of JSON for each text.')
@click.option(
    '--deterministic', is_flag=True, help='The same bits for each text, however many are made.'
)
@best_weights
@allow_imports
def generate(
    run: Path,
    prompt: str,
    length: int | None,
    temperature: float | None,
    prompt_file: Path | None,
    prompts: Path | None,
    n: int | None,
    as_json: bool,
    eos: str | None,
    banned: str | None,
    regex: str | None,
    best: bool,
    **options: Any,
) -> None:
    """Print text from the model of RUN, a directory that `retrax train` made, as it comes.

    Where RUN has learned pairs, the prompt is a source, and its target is printed.
    """
    if sum((bool(prompt), prompt_file is not None, prompts is not None)) > 1:
        raise click.UsageError('give one of --prompt, --prompt-file and --prompts')
    from ..data import read_lines

    begin = [prompt]
    if prompt_file is not None:
        begin = [''.join(read_lines(prompt_file))]
    if prompts is not None and not (begin := [s.removesuffix('\n') for s in read_lines(prompts)]):
        raise click.UsageError(f'{prompts} is empty; give a prompt on each line')
    from ..configs import load_run
    from ..training import PairTask
    from .generate import Reader, ids_of, lines, pairs, table, texts, write

    loaded = load_run(run, best=best)
    if labels := loaded.metadata.get('labels'):
        raise ValueError(
            f'{run}: this run has no language model, so it cannot go on with a text: its model '
            f'tells apart {", ".join(labels)}. Try: retrax eval {run}'
        )
    task = loaded.experiment.what
    model = task.reader(loaded.model)
    reader = Reader(loaded.vocabulary, isinstance(task, PairTask))
    length = length or reader.usual_length(model, begin, loaded.experiment.sizes.target_window)
    usual = 0.0 if reader.is_pairs else 0.8
    options['temperature'] = usual if temperature is None else temperature
    options |= reader.ends(regex) | ids_of(reader.vocabulary, eos, banned)
    if n is None and prompts is None and not as_json:
        write(model, reader, begin[0], length, options)
        return
    made = list(texts(model, reader, begin, length, n or 1, options))
    if as_json:
        lines(made)
    elif reader.is_pairs and n is None:
        pairs(made)
    else:
        table(made, reader)


@main.command(cls=Command)
@click.argument('run', type=click.Path(path_type=Path))
@click.option('--length', default=512, show_default=True, type=click.IntRange(min=2))
@click.option('--streams', default=8, show_default=True, type=click.IntRange(min=1))
@allow_imports
def truncation(run: Path, length: int, streams: int) -> None:
    """Print how far truncated gradients of RUN's model are from the full one, on held-out text."""
    from .truncation import show

    show(run, length, streams)


@main.command(cls=Command)
@click.argument('run', type=click.Path(path_type=Path))
@click.option(
    '--text',
    'file',
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='A UTF-8 text file for the model to read.',
)
@click.option(
    '--out',
    type=click.Path(path_type=Path, dir_okay=False),
    help='The page; RUN-FILE.html here if it is not given.',
)
@allow_imports
def inspect(run: Path, file: Path, out: Path | None) -> None:
    """Write a page of HTML that shows what the model of RUN does while it reads a text."""
    from .inspect import write

    write(run, file, out)


@main.command(cls=Command)
@click.argument('config_or_run')
@click.option('--compile', 'compiles', is_flag=True, help='Also compile and time a training step.')
@allow_imports
def summary(config_or_run: str, compiles: bool) -> None:
    """Print the layers of a CONFIG or a RUN: shapes, weights, bytes."""
    from .describe import summarise

    summarise(config_or_run, compiles)


@main.command(cls=Command)
@click.argument('config_or_run')
@allow_imports
def verify(config_or_run: str) -> None:
    """Examine the laws on the model of a CONFIG or a RUN; exit with 1 if it breaks one."""
    from .describe import examine

    if not examine(config_or_run):
        sys.exit(1)


@main.command(cls=Command)
@click.argument('left', metavar='CONFIG')
@click.argument('right', metavar='CONFIG')
@allow_imports
def diff(left: str, right: str) -> None:
    """Print what differs between two configs or runs, after both were resolved."""
    from .describe import compare

    compare(left, right)


@main.command(cls=Command)
@click.argument('source', metavar='MODEL.PKL.GZ', type=click.Path(path_type=Path))
@click.argument('target', metavar='OUT.SAFETENSORS', type=click.Path(path_type=Path))
@click.option('--config', help='A config or a .gin file: names the weights by path, checks shapes.')
@allow_imports
def convert(source: Path, target: Path, config: str | None) -> None:
    """Convert the weights of a Trax checkpoint, without running what is in it."""
    from .convert import convert

    convert(source, target, config)
