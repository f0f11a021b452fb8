"""Experiments as people write them: YAML, checked and typed."""
