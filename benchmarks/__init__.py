"""Benchmarks: peers side by side in one alternating run, outputs checked first.

`python -m benchmarks --help`. Nothing here is a test: tests count, they never time.
"""
