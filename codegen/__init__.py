"""Makes what follows from the API models (CRD, its chart copy, API reference), and the site."""
