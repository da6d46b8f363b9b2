"""The demo: the whole system, a real shop, and four deployments of which three go wrong."""

from goaround.demo.play import ACTS, Act, Played, play, staged
from goaround.demo.scene import Scene, SceneFailed

__all__ = ["ACTS", "Act", "Played", "Scene", "SceneFailed", "play", "staged"]
