"""How fast tasks are allocated, run and released, beside others that do the same."""
