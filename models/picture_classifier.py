"""A classifier of pictures that are written as texts."""

from .. import layers as tl
from ..combinators import mismatch
from ..layers.checks import positive


def PictureClassifier(
    network: tl.Layer,
    vocab_size: int = 256,
    height: int = 32,
    width: int = 32,
    n_channels: int = 1,
) -> tl.Serial:
    """Returns a model that gives log-probabilities of a class for each picture.

    A picture is a text, its rows of pixels one after another; what colour an id has is learned.

    Shapes: ids (b, height * width) -> (b, n_classes).

    Args:
      network: gives scores (b, n_classes) of an image (b, height, width, n_channels).
      vocab_size: how many ids there are.
      height, width: of a picture, in pixels.
      n_channels: how many numbers make a colour.

    Raises:
      ValueError: a size is not a positive int.
      LayerError: a text is longer or shorter than a picture.
    """
    positive(height, 'PictureClassifier: height')
    positive(width, 'PictureClassifier: width')

    def as_image(x):
        if x.shape[1] != height * width:
            raise mismatch(
                'the length of a text',
                f'that of a picture of {height} x {width} pixels, {height * width}',
                x.shape[1],
                'In a config it is train.window.',
            )
        return x.reshape(x.shape[0], height, width, n_channels)

    return tl.Serial(
        tl.Embedding(vocab_size, n_channels),
        tl.Fn('AsImage', as_image, is_causal=False),
        network,
        tl.LogSoftmax(),
    )
