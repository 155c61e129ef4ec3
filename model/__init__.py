"""What must be the same at training and at serving: codes, heads, backbones, preprocessing, the bundle on disk.

Imports nothing at package level, so that ``model.codes`` and ``model.errors`` stay free of torch.
"""
