"""`kubectl mltask`: run tasks, read their logs, watch them, sum up what they took, sweep."""
