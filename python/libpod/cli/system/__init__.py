"""`podman system`, `info` and `version`."""
