"""From an experiment to its plan: what has to run, what it costs, and where its data come from."""
