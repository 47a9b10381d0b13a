"""`podman network` and its verbs."""
