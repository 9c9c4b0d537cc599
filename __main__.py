"""`python -m retrax` is the command `retrax`."""

from .cli import main

main()
