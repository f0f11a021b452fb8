"""XTREME's trained targets, from the folder that its download script leaves, or the hub.

Hu et al. 2020 (arXiv 2003.11080), github.com/google-research/xtreme. `data: FOLDER` in the
experiment, or `--data FOLDER`, says where the files are; what is not there comes from the hub.
"""
