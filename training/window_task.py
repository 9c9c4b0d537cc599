"""Learning a language from windows that begin anew: for models of bounded length."""

from .. import data as corpora
from .language_task import LanguageTask
from .protocols import Windows


class IndependentWindows(corpora.ContiguousBatches):
    """The windows of contiguous streams, each of which begins anew."""

    is_contiguous = False


class WindowTask(LanguageTask):
    """Predicts each next token from those before it in its window."""

    name = 'windows'
    protocol = 'windows'

    def training_batches(self, ids, batch_size, window):
        return IndependentWindows(ids, batch_size, window)

    def heldout_batches(self, ids, batch_size, window):
        return Windows(ids, batch_size, window)
