"""Results: a view over the store's manifests, and the statistics on it."""
