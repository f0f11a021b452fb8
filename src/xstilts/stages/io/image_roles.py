"""Names by which stages find the vision tower and the images of tasks."""

from __future__ import annotations

VISION = "vision"
"""Role of the tower in the inputs of stages."""
IMAGE_CONTEXT = "images"
"""Part of a stage's context: task → where its images are; None: they are withheld."""
