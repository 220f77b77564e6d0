"""What is recorded of runs, in plain SQL: the one place that writes tasks, attempts and the cache.

The control plane writes through it over SQLAlchemy's connection, a run in one process over a bare
one of SQLite; the statements, the fencing and the event are the same.
"""
