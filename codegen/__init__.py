"""Makes what follows from the API models and from the chart's values, and the site of docs/."""
