"""Image-text tasks of IGLUE that the suite `xtreme-m` evaluates, and their English training data.

Bugliarello et al. 2022 (arXiv 2201.11732). Files are those of github.com/e-bug/iglue and of the
data sets' own releases. The images are not part of them.
"""
