"""Statistics as pure functions over arrays: no files, no stores, no torch.

Every uncertain quantity is an `Estimate`: value, interval, p value, number of points, and a note
if there are too few points. scipy and statsmodels are used where possible, and imported inside
functions so that commands that do not need them start fast.
"""
