"""The engine: stages, plans and the store. Knows no NLP and never imports torch."""
