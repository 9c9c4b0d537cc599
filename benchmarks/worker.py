"""One peer in a process of its own: checks its outputs, then runs when it is told to.

It reads lines from standard input and answers each with a line of JSON.
"""

import importlib
import json
import sys
import time

from . import seed_model as seed

DECODED = 256  # tokens in one run of decoding


def main(peer: str, task: str) -> None:
    """Serves one peer and one task until standard input ends."""
    module = importlib.import_module(f'benchmarks.peers.{peer}')
    started = time.perf_counter()
    if task == 'train':
        found, run = module.train_step()
        wanted = seed.loss(seed.weights(), seed.tokens(), module.reset_before)
        right, amount = abs(found - wanted) < 1e-5 * wanted, seed.BATCH * seed.TIME
    else:
        found, decode = module.decode()
        wanted = seed.greedy(seed.weights(), len(found), module.reset_before)
        right, amount = found == wanted, DECODED

        def run():
            return decode(DECODED)

    run()
    print(
        json.dumps(
            {
                'right': bool(right),
                'found': found,
                'wanted': wanted,
                'tokens': amount,
                'ready_s': time.perf_counter() - started,
            }
        ),
        flush=True,
    )
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        answer = {'wall': time.perf_counter() - wall, 'cpu': time.process_time() - cpu}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
