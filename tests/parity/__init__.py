"""Trax's own tests, unmodified, against retrax: `make parity`, or `python -m tests.parity`."""
