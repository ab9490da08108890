"""The life of a task as pure functions: what is observed, what to do next, what to write.

Nothing in here does I/O or reads a clock.
"""
