"""Notebooks are tried on the hand-made world of the replay tests."""

from tests.replay.conftest import hand_world

__all__ = ["hand_world"]
