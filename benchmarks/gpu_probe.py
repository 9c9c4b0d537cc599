"""What a GPU gives recurrences: `python -m benchmarks.gpu_probe`, under eight minutes, once.

Each line is one question, asked in a process of its own with a time limit, so that one that fails,
hangs or takes the process with it says so and the rest go on:

- launch: microseconds per iteration of XLA's scan around one small product, with and without
  command buffers that take in whole loops;
- barriers: microseconds per barrier of a grid and of a cluster in one persistent kernel (Pallas,
  Mosaic GPU), which bound a recurrence that keeps its weights on the chip;
- torch: cuDNN's nn.GRU forwards and backwards, and a decoding step replayed as a CUDA graph;
- retrax: a step of training and decoding of the seed model as they are.

`--only NAME` asks one of them in this process. `--lower` asks only whether the kernels lower, which
needs no GPU. `--save` writes results/DATE-gpu-probe.json, after each answer.
"""

import datetime
import functools
import inspect
import json
import pathlib
import statistics
import subprocess
import sys
import time

import click
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import seed_model as seed
from .alternate import ROOT

RESULTS = pathlib.Path(__file__).parent / 'results'
LOOPS = {
    'xla_gpu_enable_command_buffer': 'FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,'
    'DYNAMIC_SLICE_FUSION,WHILE,CONDITIONAL',
    'xla_gpu_graph_min_graph_size': '1',
}
STEPS, ROUNDS = 256, 10_000
LIMIT = 65  # seconds for a question; all of them are to end within eight minutes


@click.command()
@click.option('--only', help='Ask this question alone.')
@click.option('--lower', is_flag=True, help='Only lower the kernels; needs no GPU.')
@click.option('--save', is_flag=True, help='Write benchmarks/results/DATE-gpu-probe.json.')
def main(only: str | None, lower: bool, save: bool) -> None:
    """Asks a GPU what a recurrence may hope for."""
    if lower:
        for name, kernel in KERNELS.items():
            click.echo(f'{name}: lowers, {len(lowered(kernel))} characters')
    elif only:
        click.echo(json.dumps(QUESTIONS[only]()))
    else:
        _ask_all(save)


def _ask_all(save):
    found = {}
    for name in QUESTIONS:
        found[name] = answer(name)
        click.echo(f'{name}: {json.dumps(found[name])}')
        if save:
            RESULTS.mkdir(exist_ok=True)
            path = RESULTS / f'{datetime.date.today()}-gpu-probe.json'
            path.write_text(json.dumps(found, indent=1) + '\n')


def answer(name: str, seconds: float = LIMIT):
    """Returns what a process of its own answers; a question that cannot be asked here says why."""
    command = [sys.executable, '-m', 'benchmarks.gpu_probe', '--only', name]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {'failed': f'no answer in {seconds} s'}
    if ended.returncode:
        return {'failed': f'ended with {ended.returncode}: {ended.stderr.strip()[-600:]}'}
    return json.loads(ended.stdout.splitlines()[-1])


def lowered(kernel) -> str:
    """Returns a kernel lowered for CUDA, on any machine."""
    return jax.jit(kernel).trace().lower(lowering_platforms=('cuda',)).as_text()


def device():
    """The accelerator and the release of jax."""
    return {'device': str(jax.devices()[0].device_kind), 'jax': jax.__version__}


def milliseconds(run, repeats=20):
    """Returns the median time of `run`, which waits for its result, after two runs to warm up."""
    times = []
    for i in range(repeats + 2):
        start = time.perf_counter()
        run()
        if i > 1:
            times.append(time.perf_counter() - start)
    return round(1e3 * statistics.median(times), 4)


# XLA's loop.


def launches():
    """Microseconds per iteration of a scan of h' = tanh(h u) for several sizes."""
    answers = {}
    for batch, width, dtype in ((1, 512, 'float32'), (32, 512, 'float32'), (32, 512, 'bfloat16')):
        u = jnp.full((width, width), 1e-3, dtype)
        h = jnp.ones((batch, width), dtype)

        def loop(h, u):
            return lax.scan(lambda h, _: (jnp.tanh(h @ u), None), h, None, length=STEPS)[0]

        for name, options in (('plain', None), ('command buffers', LOOPS)):
            run = jax.jit(loop, compiler_options=options)
            total = milliseconds(lambda run=run, h=h, u=u: run(h, u).block_until_ready())
            answers[f'{batch}x{width} {dtype} {name}'] = round(1e3 * total / STEPS, 3)
    return answers


# Barriers in one kernel.


def _kernel(body, **options):
    """pl.kernel of Mosaic GPU, whose arguments changed names between releases."""
    from jax.experimental.pallas import mosaic_gpu as plgpu

    known = inspect.signature(plgpu.kernel).parameters
    out = 'out_type' if 'out_type' in known else 'out_shape'
    scratch = 'scratch_types' if 'scratch_types' in known else 'scratch_shapes'
    if 'scratch' in options:
        options[scratch] = options.pop('scratch')
    return plgpu.kernel(body, **{out: jax.ShapeDtypeStruct((128,), jnp.int32)}, **options)


def _report(out_ref, first):
    from jax.experimental import pallas as pl

    @pl.when(first)
    def _():
        out_ref[...] = jnp.full((128,), ROUNDS, jnp.int32)


def grid_barriers(blocks=128):
    """All blocks meet ROUNDS times: each adds one to a counter and waits for the sum."""
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import mosaic_gpu as plgpu

    def body(out_ref):
        counter = pl.get_global(plgpu.SemaphoreType.REGULAR)

        def meet(i, _):
            plgpu.semaphore_signal(counter, 1, memory_scope='gpu')
            target = (i + 1) * blocks
            plgpu.semaphore_wait(counter, target, decrement=False, memory_scope='gpu')
            return ()

        lax.fori_loop(0, ROUNDS, meet, ())
        _report(out_ref, lax.axis_index('block') == 0)

    return _kernel(body, grid=(blocks,), grid_names=('block',))()


def cluster_barriers(size=8):
    """The blocks of each cluster meet ROUNDS times."""
    from jax.experimental.pallas import mosaic_gpu as plgpu

    def body(out_ref, barrier):
        def meet(i, _):
            plgpu.barrier_arrive(barrier)
            plgpu.barrier_wait(barrier)
            return ()

        lax.fori_loop(0, ROUNDS, meet, ())
        _report(out_ref, (lax.axis_index('block') == 0) & (lax.axis_index('member') == 0))

    return _kernel(
        body,
        grid=(16,),
        grid_names=('block',),
        cluster=(size,),
        cluster_names=('member',),
        scratch=[plgpu.ClusterBarrier(collective_axes=('member',))],
    )()


KERNELS = {'grid barriers': grid_barriers, 'cluster barriers': cluster_barriers}


def barriers(kernel):
    """Microseconds per barrier, from a kernel that does nothing else."""
    run = jax.jit(kernel)
    if int(run()[0]) != ROUNDS:
        raise ValueError(f'the kernel gave {run()[0]}')
    return round(1e3 * milliseconds(lambda: run().block_until_ready(), 5) / ROUNDS, 4)


# PyTorch.


def cudnn():
    """Milliseconds of nn.GRU (two layers of 512), forwards, and forwards with backwards."""
    import torch

    answers = {}
    for name, dtype in (('float32', torch.float32), ('bfloat16', torch.bfloat16)):
        gru = torch.nn.GRU(seed.WIDTH, seed.WIDTH, seed.LAYERS, device='cuda', dtype=dtype)
        x = torch.randn(seed.TIME, seed.BATCH, seed.WIDTH, device='cuda', dtype=dtype)

        def forwards(gru=gru, x=x):
            with torch.no_grad():
                gru(x)
            torch.cuda.synchronize()

        def both(gru=gru, x=x):
            gru(x)[0].sum().backward()
            torch.cuda.synchronize()

        answers[f'{name} forwards'] = milliseconds(forwards)
        answers[f'{name} forwards and backwards'] = milliseconds(both)
    return answers


def cuda_graph():
    """Microseconds of one greedy decoding step of the seed model, replayed as a CUDA graph."""
    import torch

    table = torch.nn.Embedding(seed.VOCAB, seed.WIDTH, device='cuda')
    gru = torch.nn.GRU(seed.WIDTH, seed.WIDTH, seed.LAYERS, device='cuda')
    dense = torch.nn.Linear(seed.WIDTH, seed.VOCAB, device='cuda')
    token = torch.zeros(1, 1, dtype=torch.long, device='cuda')
    h = torch.zeros(seed.LAYERS, 1, seed.WIDTH, device='cuda')

    def step():
        y, after = gru(table(token), h)
        h.copy_(after)
        token.copy_(dense(y).argmax(-1))

    with torch.no_grad():
        for _ in range(3):
            step()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()

    def replay():
        for _ in range(STEPS):
            graph.replay()
        torch.cuda.synchronize()

    return round(1e3 * milliseconds(replay) / STEPS, 3)


# retrax as it is.


def ours():
    """Milliseconds of a step of training, and tokens per second of decoding, batch 1 and 128."""
    import retrax

    from .peers import retrax_gru

    answers = {'training step, ms': milliseconds(retrax_gru.train(seed.SEED))}
    model = retrax_gru.model_of(seed.SEED)
    for rows in (1, 128):
        prompt = np.ones((rows, 1), np.int32)

        def decode(prompt=prompt):
            retrax.generate(model, prompt, max_new_tokens=STEPS, seed=1)

        answers[f'decoding {rows} rows, tokens/s'] = round(
            1e3 * rows * STEPS / milliseconds(decode, 5)
        )
    return answers


QUESTIONS = {
    'device': device,
    'scan, us per iteration': launches,
    **{f'{name}, us each': functools.partial(barriers, k) for name, k in KERNELS.items()},
    'torch nn.GRU, ms': cudnn,
    'torch CUDA graph, us per token': cuda_graph,
    'retrax': ours,
}

if __name__ == '__main__':
    main()
