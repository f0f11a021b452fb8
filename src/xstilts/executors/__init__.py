"""Executors: who runs a plan's stages, and where."""
