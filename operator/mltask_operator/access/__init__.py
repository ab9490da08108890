"""Access to the API server: kubeconfig, credentials, TLS and proxies, for operator and client."""
