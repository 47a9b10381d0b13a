"""Images: references, manifests, transports, the copy pipeline, trust, and a file view without a store."""
