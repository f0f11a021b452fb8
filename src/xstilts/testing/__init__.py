"""For tests, also of other packages: a tiny encoder, tiny tasks, and checks for tasks."""
