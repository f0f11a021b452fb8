"""English tasks to train on in phase 2, from local files in their official formats or the hub.

The nine intermediate tasks of Phang et al. 2020 (arXiv 2005.13013) and some more.
docs/reference/tasks.md says where every pinned revision was found.
"""
