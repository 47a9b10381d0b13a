"""`podman container` and its verbs."""
