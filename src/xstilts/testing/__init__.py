"""For tests, yours and ours: a tiny encoder, tiny tasks, and the checks every task must pass."""
