"""trax.supervised.training: retrax's Loop, which also writes files that Trax reads."""

from collections.abc import Sequence
from typing import Any

from ... import training
from ...training import EvalTask, LoopHistory, TrainTask
from . import data


class Loop(training.Loop):
    """retrax.training.Loop with all of Trax's arguments.

    Three make no difference: loss_chunk_size and use_memory_efficient_trainer save memory in Trax
    and change no number, and adasum is for several devices. Beside each checkpoint there is a
    `NAME.pkl.gz` with the model, for `init_from_file`. As in Trax, the history of a Loop that goes
    on does not show what was measured at the step of its checkpoint; here `run` brings it back.
    """

    _held_back: Sequence[tuple[str, str, int, Any]] = ()

    def __init__(
        self,
        model: Any,
        tasks: Any,
        eval_model: Any = None,
        eval_tasks: Any = None,
        output_dir: Any = None,
        checkpoint_at: Any = None,
        checkpoint_low_metric: str | None = None,
        checkpoint_high_metric: str | None = None,
        permanent_checkpoint_at: Any = None,
        eval_at: Any = None,
        which_task: Any = None,
        n_devices: int | None = None,
        random_seed: int | None = None,
        loss_chunk_size: int = 0,
        use_memory_efficient_trainer: bool | int = False,
        adasum: bool = False,
        callbacks: Any = None,
    ):
        super().__init__(
            model,
            tasks,
            eval_model,
            eval_tasks,
            output_dir,
            checkpoint_at,
            checkpoint_low_metric,
            checkpoint_high_metric,
            permanent_checkpoint_at,
            eval_at,
            which_task,
            n_devices,
            random_seed,
            callbacks,
        )

    def run(self, n_steps: int = 1) -> None:
        """Makes n more steps, with the evaluations and checkpoints between them."""
        self._bring_back()
        super().run(n_steps)

    def save_checkpoint(self, basename: str) -> None:
        """Saves `output_dir/basename` to go on from, and `basename.pkl.gz` for `init_from_file`."""
        self._bring_back()
        super().save_checkpoint(basename)
        if self.output_dir is not None:
            data.save_data_counters(self.output_dir)
            self.model.save_to_file(self.output_dir / f'{basename}.pkl.gz')

    def load_checkpoint(self, directory: Any = None, filename: Any = None) -> None:
        """Goes on from a checkpoint, and from the counters of `trax.data.CountAndSkip` with it."""
        self._bring_back()
        super().load_checkpoint(directory, filename)
        self._hold_back()
        if (folder := directory or self.output_dir) is not None:
            data.load_data_counters(folder)

    def _hold_back(self):
        """Takes what was measured at the newest step out of the history."""
        whole, self.history, self._held_back = self.history, LoopHistory(), []
        for mode in whole.modes:
            for metric in whole.metrics_for_mode(mode):
                for step, value in whole.get(mode, metric):
                    entry = mode, metric, step, value
                    if step < self.step:
                        self.history.append(*entry)
                    else:
                        self._held_back.append(entry)

    def _bring_back(self):
        for entry in self._held_back:
            self.history.append(*entry)
        self._held_back = ()


__all__ = ['EvalTask', 'Loop', 'TrainTask']
