"""The one exception of this folder."""


class TraxCheckpointError(ValueError):
    """A file that is not one of Trax's checkpoints, is damaged or hostile, or does not fit.

    The message names the file, says what was expected and what the file holds or asks for, and
    what to do. Nothing of what the file says was run, and no model was changed.
    """
