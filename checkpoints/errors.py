"""The one exception of this folder."""


class CheckpointError(ValueError):
    """A tree that cannot be saved, or a checkpoint that cannot be restored as asked.

    The message names the file or the path inside the tree, says what was expected and what was
    found, and what to do about it.
    """
