"""The laws: properties that every model has, and the functions that examine them.

The project's own tests run them over every layer, and `verify` over a user's model. A law
knows no particular layer: what a model declares decides how the law reads for it.
"""

from .closeness import TOLERANCE, not_close, not_equal, other_kind, tolerance
from .compiling import a_batch_is_its_rows, compiling_changes_nothing
from .declared import Declared
from .dependence import causal_is_causal_and_the_rest_looks_ahead, rows_are_independent
from .finding import Finding, Law, examine
from .gradients import gradients_are_the_numerical_ones
from .padding import nothing_to_count_is_0, weight_0_leaves_a_place_out
from .saving import saved_and_restored
from .seeds import the_same_seed_gives_the_same, what_draws_is_declared
from .shapes import names_stand_for_sizes, promised_is_actual
from .states import a_step_keeps_the_kind_of_state
from .stepping import (
    memory_is_declared,
    predict_runs_in_device_loops,
    predict_steps_are_the_eval_pass,
    windows_with_carry_are_one_pass,
)
from .subject import ROWS, STEPS, Subject, loud
from .views import there_and_back

LAWS = (
    Law(1, 'promised shapes are actual', promised_is_actual),
    Law(1, 'names stand for sizes', names_stand_for_sizes),
    Law(2, 'compiling changes nothing', compiling_changes_nothing),
    Law(2, 'a batch is its rows', a_batch_is_its_rows),
    Law(3, 'predict steps are the eval pass', predict_steps_are_the_eval_pass),
    Law(3, 'windows with carry are one pass', windows_with_carry_are_one_pass),
    Law(3, 'predict runs in device loops', predict_runs_in_device_loops),
    Law(3, 'memory is declared', memory_is_declared),
    Law(4, 'a step keeps the kind of state', a_step_keeps_the_kind_of_state),
    Law(5, 'gradients are the numerical ones', gradients_are_the_numerical_ones),
    Law(6, 'weight 0 leaves a place out', weight_0_leaves_a_place_out),
    Law(6, 'nothing to count is 0', nothing_to_count_is_0),
    Law(7, 'looks ahead only if declared', causal_is_causal_and_the_rest_looks_ahead),
    Law(8, 'rows are independent', rows_are_independent),
    Law(9, 'saved and restored is the same', saved_and_restored),
    Law(10, 'the same seed gives the same', the_same_seed_gives_the_same),
    Law(10, 'what draws is declared', what_draws_is_declared),
    Law(11, 'as_mode there and back', there_and_back),
)

__all__ = [
    'LAWS',
    'ROWS',
    'STEPS',
    'TOLERANCE',
    'Declared',
    'Finding',
    'Law',
    'Subject',
    'examine',
    'loud',
    'not_close',
    'not_equal',
    'other_kind',
    'saved_and_restored',
    'tolerance',
]
