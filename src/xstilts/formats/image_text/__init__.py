"""Formats whose examples are a text and one or two images."""
