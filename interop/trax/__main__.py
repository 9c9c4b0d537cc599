"""`python -m retrax.interop.trax script.py`: Python with the alias installed."""

import sys

from .command import main

main(sys.argv[1:])
