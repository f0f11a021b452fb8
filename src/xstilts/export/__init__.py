"""Trained models as plain Hugging Face folders, with a model card, and their upload to the hub."""
