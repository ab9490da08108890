"""What keeps the tasks going: the newest known state, the queue of keys, and the reconciler."""
