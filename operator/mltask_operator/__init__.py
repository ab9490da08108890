"""The MLTask operator: one Pod per machine-learning task, freed the moment the task ends."""

__version__ = "0.1.0"
