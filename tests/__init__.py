"""The tests. A package, so that ``from tests.fakes import …`` finds these and not an installed distribution's ``tests``."""
