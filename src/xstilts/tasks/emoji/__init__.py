"""Image-text tasks on emoji: pictures that are drawn here, and names in 14 languages."""
