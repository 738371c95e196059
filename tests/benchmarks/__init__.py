"""Measures against the best peers; `python -m tests.benchmarks [ONLY=name]`."""
