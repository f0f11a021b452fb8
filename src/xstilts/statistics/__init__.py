"""Statistics as pure functions over arrays: no files, no stores, no torch.

Everything that can be uncertain is an `Estimate`: value, interval, p, how many points it stands
on, and a note in words where these are too few. scipy and statsmodels do the work where they
can; they are imported when they are needed, so that quick verbs stay quick.
"""
