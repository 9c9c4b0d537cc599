"""The part of a layer's face that is about files. What is in them is known in a folder above."""

import os
import sys
from typing import Any


class Files:
    """Trax's two methods on files."""

    def init_from_file(
        self,
        file_name: str | os.PathLike[str],
        weights_only: bool = False,
        input_signature: Any = None,
    ) -> Any:
        """Takes weights, and state unless `weights_only`, from Trax's `model.pkl.gz`.

        Arrays are placed by their order and checked by shape. Nothing that the file says is run.

        Args:
          file_name: `model.pkl.gz`; `model.weights.npy.gz` lies beside it if Trax wrote one.
          weights_only: leaves the state new; what Trax keeps as state seldom fits.
          input_signature: what to initialise for; that of the file by default.

        Returns:
          `(weights, state)`.

        Raises:
          TraxCheckpointError: the file is damaged, hostile, or of another model; nothing has
            changed in this one then.
        """
        return _method('init_from_file')(self, file_name, weights_only, input_signature)

    def save_to_file(
        self,
        file_name: str | os.PathLike[str],
        weights_only: bool = False,
        input_signature: Any = None,
    ) -> None:
        """Writes weights, and state unless `weights_only`, as a file that Trax reads.

        Raises:
          ValueError: there are no weights yet, or one is of a dtype that Trax's format cannot tell.
        """
        _method('save_to_file')(self, file_name, weights_only, input_signature)


def _method(name):
    """Asks the package's face, which loads what lies above this folder when it is needed."""
    return sys.modules[__name__.partition('.')[0]].file_method(name)
