"""A real Kubernetes on this machine for demo, tests and benchmarks, all from package registries."""
