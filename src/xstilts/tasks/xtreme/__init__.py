"""XTREME's trained targets, from the folder that its download script leaves.

Hu et al. 2020 (arXiv 2003.11080), github.com/google-research/xtreme. Nothing is downloaded:
`data: FOLDER` in the experiment, or `--data FOLDER`, says where the files are.
"""
