"""Makes what follows from the API models (CRD, its chart copy, API reference) and from the chart's
values (its README's table), and the site."""
