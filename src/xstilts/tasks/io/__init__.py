"""Sources of tasks, and readers of file formats that several tasks share."""
