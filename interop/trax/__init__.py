"""`import trax` gives retrax: programs that were written for Trax run unchanged.

    from retrax.interop.trax import install
    install()
    from trax import layers as tl       # the layers of retrax

    python -m retrax.interop.trax script.py arguments      # the same for a whole program

A finder in `sys.meta_path` answers every name that begins with `trax`. The modules it gives hold
nothing of their own: each looks a name up in retrax when it is asked (names.py says where).
"""

from .finder import install, uninstall

__all__ = ['install', 'uninstall']
