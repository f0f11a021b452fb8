"""Readers of data files: their rows, and the examples that they hold."""
