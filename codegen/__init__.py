"""Makes the files that follow from the API models: the CRD, its chart copy, the API reference."""
