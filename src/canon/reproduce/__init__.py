"""Figures and claims of the papers and of the course, as runnable experiments.

Each module has a function `run(work)` that gives a `Result`: numbers with those that were
published, pictures, and a sentence on whether they agree.
"""
