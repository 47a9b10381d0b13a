"""Volumes: directories of the host that containers share and that outlive them, with what was said at their creation."""
