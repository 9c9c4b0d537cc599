"""`retrax eval`: what a trained model is worth on a text, and what the figures mean."""

from pathlib import Path

import click

from .. import configs, data
from ..training import LabelTask, PairTask, RunDirectory, evaluate, score
from ..training.pair_task import N_WRITTEN


def show(
    run: Path,
    file: str | None,
    protocol: str | None,
    batch_size: int | None,
    window: int | None,
    best: bool = False,
) -> None:
    """Prints the figures of a run's newest weights, or its best, on a text."""
    directory = RunDirectory(run)
    experiment = configs.of_run(directory).experiment()
    text, where = _text(directory, experiment, file)
    loaded = configs.load_run(run, best=best)
    sizes = experiment.sizes
    sizes = sizes._replace(batch_size=batch_size or sizes.batch_size, window=window or sizes.window)
    click.echo(f'Run         {run}, step {loaded.metadata["step"]:,}')
    click.echo(f'Data        {where}')
    task = experiment.what
    if isinstance(task, LabelTask):
        labels = directory.facts()['labels']
        _show_labels(task, loaded.model, loaded.vocabulary, text, labels, sizes)
        return
    if isinstance(task, PairTask):
        _show_pairs(task, loaded.model, loaded.vocabulary, text, sizes)
        return
    protocol = protocol or task.protocol
    found = score(loaded.model, loaded.vocabulary, text, protocol, *sizes[:2])
    figures = found.evaluation
    tokens = {'bytes': 'byte', 'characters': 'character'}.get(loaded.vocabulary.kind, 'token')
    click.echo(f'Protocol    {found.protocol}')
    click.echo(f'Loss        {figures.nats_per_token:.4f} nats per {tokens}')
    click.echo(f'Perplexity  {figures.perplexity:.4f} per {tokens}')
    per_byte = figures.bits_per(len(text.encode()))
    click.echo(
        f'Bits        {figures.bits_per_character:.4f} per character, {per_byte:.4f} per byte'
    )
    if found.n_unknown:
        click.echo(
            f'Note        {found.n_unknown:,} characters are not in the vocabulary and count as '
            'one and the same unknown character, so the figures flatter.'
        )


def _show_labels(task, model, vocabulary, text, labels, sizes):
    rows = data.parse_rows(text, task.tagged)
    batches = task.batches(rows, labels, vocabulary, sizes)
    found = evaluate(model, batches, metrics=task.metrics)
    click.echo(f'Protocol    {len(rows):,} rows, each by itself, up to {sizes.window} tokens of it')
    click.echo(f'Loss        {found.nats_per_token:.4f} nats per label')
    click.echo(f'Accuracy    {task.in_words(found)}')
    if batches.n_cut:
        click.echo(f'Note        {batches.n_cut:,} rows are longer and were cut.')


def _show_pairs(task, model, vocabulary, text, sizes):
    batches = data.PairBatches(data.parse_pairs(text), vocabulary, *sizes)
    found = task.judged(model, batches, vocabulary)
    n_written = min(N_WRITTEN, len(batches.pairs))
    click.echo(f'Protocol    {len(batches.pairs):,} pairs, each by itself')
    click.echo(f'Loss        {found.nats_per_token:.4f} nats per token of a target and its end')
    click.echo(f'Perplexity  {task.figure_of(found):.4f} per token')
    click.echo(
        f'Written     {100 * found.metrics["exact_match"]:.2f}% of the first {n_written:,} targets '
        'right, as a whole, by greedy decoding'
    )
    if batches.n_left_out:
        click.echo(f'Note        {batches.n_left_out:,} pairs are longer and were left out.')


def _text(directory, experiment, file):
    corpus = experiment.what.load(experiment.corpus if file is None else file)
    facts = {'name': corpus.name, 'n_characters': corpus.n_characters, 'sha256': corpus.sha256}
    told = f'{corpus.name}, {corpus.n_characters:,} characters, sha256 {corpus.sha256[:16]}'
    if file is not None and isinstance(corpus, data.Corpus):
        return corpus.text, told
    if file is None:
        directory.check_corpus(facts)
    text = experiment.what.split(corpus)[1]
    return text, f'{len(text):,} held-out characters of {told}'
