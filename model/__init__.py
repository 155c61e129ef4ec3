"""What must be the same at training and at serving: codes, heads, backbones, preprocessing, the bundle on disk.

Imports nothing at package level, so that ``model.codes`` and ``model.errors`` stay free of all that takes time to load.
No torch is needed to serve: `model.served` and what it imports runs on ONNX Runtime; heads, encoders and bundles on torch
(`model.heads`, `model.encoder`, `model.bundle`) are for training.
"""
