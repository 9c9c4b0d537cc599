"""Training under `import trax`: optimizers that keep slots, and files for `init_from_file`."""

import itertools
from pathlib import Path

import jax
import numpy as np
import pytest
from tolerances import assert_close

from retrax import training as trainings
from retrax.interop.trax import install, uninstall

FOLDER = Path(__file__).parent / 'golden' / 'training'
ARRAYS = dict(np.load(FOLDER / 'optimizers.npz'))


@pytest.fixture(autouse=True)
def alias():
    install()
    yield
    uninstall()


@pytest.mark.parametrize('clip', ['', '_clip'])
def test_tree_update_is_that_of_trax(clip: str) -> None:
    from trax import optimizers

    case = f'opt_Adam{clip}_from1'
    optimizer = optimizers.Adam(9.0, clip_grad_norm=0.05 if clip else None)
    weights = ARRAYS[f'{case}/w0'], ARRAYS[f'{case}/w1']
    slots, opt_params = optimizer.tree_init(weights)
    assert opt_params['learning_rate'] == 9.0
    assert opt_params['eps'] == 1e-5
    opt_params = {**opt_params, 'learning_rate': 0.01}
    for i in range(2):
        gradients = ARRAYS[f'{case}/g{i}_0'], ARRAYS[f'{case}/g{i}_1']
        weights, slots, norms = optimizer.tree_update(1 + i, gradients, weights, slots, opt_params)
        assert_close(weights, (ARRAYS[f'{case}/step{i}_w0'], ARRAYS[f'{case}/step{i}_w1']))
        for name, norm in norms.items():
            assert_close(norm, ARRAYS[f'{case}/step{i}_{name}'])
    assert optimizer.slots is slots
    assert len(slots) == 2


def test_the_norm_and_clipping_of_gradients() -> None:
    from trax.optimizers import base

    gradients = np.array([3.0], np.float32), np.array([4.0], np.float32)
    assert float(base.l2_norm(gradients)) == pytest.approx(5)
    clipped = base.clip_grads(gradients, 1.0)
    np.testing.assert_allclose(np.concatenate(clipped), [0.6, 0.8], rtol=1e-6)


def test_a_program_of_trax_trains_and_reads_its_model(tmp_path: Path) -> None:
    """As in the course: a Loop with an output_dir, then a model for predicting from its file."""
    import trax
    from trax import layers as tl
    from trax.supervised import training

    def GRULM(mode='train'):
        return tl.Serial(
            tl.ShiftRight(mode=mode),
            tl.Embedding(vocab_size=9, d_feature=4),
            tl.GRU(n_units=4),
            tl.Dense(n_units=9),
            tl.LogSoftmax(),
        )

    x = np.array([[3, 1, 4, 1], [5, 2, 6, 5]])
    batch = x, x, np.ones(x.shape)
    schedule = trax.lr.warmup_and_rsqrt_decay(4, 0.01)
    task = training.TrainTask(
        labeled_data=itertools.repeat(batch),
        loss_layer=tl.CrossEntropyLoss(),
        optimizer=trax.optimizers.Adam(0.0005),
        lr_schedule=schedule,
    )
    evals = trax.supervised.EvalTask(
        labeled_data=itertools.repeat(batch), metrics=[tl.CrossEntropyLoss(), tl.Accuracy()]
    )
    loop = training.Loop(
        GRULM(), task, eval_model=GRULM('eval'), eval_tasks=[evals], output_dir=tmp_path
    )
    assert isinstance(loop, trainings.Loop)
    loop.run(n_steps=5)
    loop.save_checkpoint('model')
    predicting = GRULM('predict')
    predicting.init_from_file(tmp_path / 'model.pkl.gz', weights_only=True)
    jax.tree.map(np.testing.assert_array_equal, predicting.weights, loop.model.weights)
    assert_close(predicting.as_mode('eval')(x), loop.eval_model(x))
    rate = loop.history.get('train', 'training/learning_rate')[0]
    assert rate == (1, pytest.approx(schedule(1)))
    again = training.Loop(GRULM(), task, output_dir=str(tmp_path))
    assert again.step == 5
