"""`podman image` and its verbs."""
