"""Stages, plans and the store. Independent of NLP; never imports torch."""
