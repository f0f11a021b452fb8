"""Encoders, and what is needed to load, view and embed with them."""
