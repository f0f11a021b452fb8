"""Vision towers: frozen models that turn an image into states."""
