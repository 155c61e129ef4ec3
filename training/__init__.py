"""The trainer: takes image–text pairs with noisy labels and makes a bundle. Never imports ``app``."""
