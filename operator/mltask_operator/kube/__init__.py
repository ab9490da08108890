"""The edge to the API server: credentials, requests, and objects as it sends them."""
