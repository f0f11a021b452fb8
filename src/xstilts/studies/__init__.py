"""Studies: one file per research question, over results."""
