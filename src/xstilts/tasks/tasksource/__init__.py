"""Tasks of the package `tasksource`, as `tasksource:NAME`: described by it, read by our readers."""
