"""Loss terms, one file each. A method weighs and adds them (``training.methods``)."""
