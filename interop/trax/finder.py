"""The finder that answers `import trax` and every dotted name below it."""

import sys
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

from .face import Face, missing_module
from .names import MODULES


class TraxFinder(Loader):
    """Finds `trax` and what lies below it; as a loader, makes their faces."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns the spec of a face, or None for what is not Trax's.

        Raises:
          ModuleNotFoundError: retrax has no such module; the text says which it has.
        """
        if name != 'trax' and not name.startswith('trax.'):
            return None
        if name not in MODULES:
            raise missing_module(name)
        # All are packages, those without modules below them too. So `from trax.layers.base import
        # Foo` asks this finder for trax.layers.base.Foo, and the answer can teach.
        return ModuleSpec(name, self, origin='retrax.interop.trax', is_package=True)

    def create_module(self, spec: ModuleSpec) -> Face:
        """Returns the face of a Trax module."""
        return Face(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """A face runs no code: it looks names up when it is asked."""


_FINDER = TraxFinder()


def install() -> None:
    """Makes `import trax`, and every module below it, resolve to retrax in this process.

    Calling it again does nothing. An installed Trax stays where it is, unseen.

    Raises:
      ImportError: the real Trax is imported already; its classes and these do not mix.
    """
    if _FINDER in sys.meta_path:
        return
    real = sys.modules.get('trax')
    if real is not None:
        raise ImportError(
            f'Trax itself is imported already, from {getattr(real, "__file__", "?")}. Call '
            'retrax.interop.trax.install() before the first `import trax`.'
        )
    sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Takes the alias away: `import trax` means what it meant before."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    for name, module in list(sys.modules.items()):
        if isinstance(module, Face):
            del sys.modules[name]
