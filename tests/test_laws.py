"""The laws (docs/laws.md) over every layer, combinator and model.

They are examined by the code that users run as `retrax.verify`. A property that the layer declares
decides how a law reads for it: what says that it is causal must be, and what says that it is not
must be seen to look ahead.
"""

from pathlib import Path
from typing import Any

import jax
import pytest
import registry
from registry import CASES, Case

from retrax import checkpoints
from retrax.inspection import laws

pytestmark = pytest.mark.usefixtures('compiled_quickly')

# Cases of one layer go to one worker, which compiles them once.
each_case = pytest.mark.parametrize(
    'case', [pytest.param(c, id=c.name, marks=pytest.mark.xdist_group(c.name)) for c in CASES]
)


def test_every_public_layer_has_a_case() -> None:
    assert registry.public_names() == registry.covered_names()


@each_case
@pytest.mark.parametrize('law', laws.LAWS, ids=str)
def test_law(case: Case, law: laws.Law) -> None:
    finding = laws.examine(law, registry.subject(case))
    expected = ('seen',) if law.name in case.seen else ('kept', 'does not apply')
    assert finding.verdict in expected, finding


@each_case
def test_law_9_on_a_disk(case: Case, tmp_path: Path) -> None:
    def save_and_restore(saved: Any, like: Any) -> Any:
        checkpoints.save(tmp_path / 'model', saved, {})
        return checkpoints.restore(tmp_path / 'model', like)[0]

    finding = laws.saved_and_restored(registry.subject(case), save_and_restore)
    assert finding.verdict == 'kept', finding


@each_case
def test_laws_apply_where_symbols_say_so(case: Case) -> None:
    """A law that never applies would look like one that is kept."""
    subject = registry.subject(case)
    outputs = jax.tree.leaves(case.make().output_signature(case.signature()))

    def follow(axis: int, name: str) -> bool:
        return all(len(s.shape) > axis and str(s.shape[axis]) == name for s in outputs)

    assert subject.has_rows == follow(0, 'b')
    assert subject.has_steps == (follow(0, 'b') and follow(1, 't'))


# Law 12. Documented formulas have NumPy tests beside them: test_formulas.py.
