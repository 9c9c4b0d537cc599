"""retrax without `generate`: predict mode in a Python loop, a compiled step for each token."""

from benchmarks import seed_model as seed
from benchmarks.peers import jax_common, retrax_gru

convention = seed.Convention(reset_before=True)


def decode(setting):
    """What `generate` saves is the difference to this."""
    view = retrax_gru.model_of(setting).as_mode('predict')

    def read(weights, ids, state):
        return view.pure_fn(ids, weights, state, None)[1]

    def step(weights, token, state):
        log_probs, state = view.pure_fn(token[:, None], weights, state, None)
        return log_probs[:, 0], state

    initial = view.new_state(setting.batch)
    return jax_common.decode_by_steps(setting, view.weights, initial, read, step)
