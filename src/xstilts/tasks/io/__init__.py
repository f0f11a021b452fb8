"""Readers of the file formats that tasks come in."""
