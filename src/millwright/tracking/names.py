"""Names for runs that nobody named: an adjective, a noun, a number, as people can say them. Pure but
for chance."""

from __future__ import annotations

import secrets

_ADJECTIVES = ["amber", "bold", "brisk", "calm", "candid", "clever", "cosmic", "crisp", "daring", "deft", "eager", "early", "fabled", "fair", "fast", "firm", "fond", "gentle", "glad", "grand", "handy", "happy", "honest", "jolly", "keen", "kind", "lively", "lucid", "lucky", "merry", "mild", "modest", "neat", "noble", "patient", "placid", "plain", "proud", "quick", "quiet", "rapid", "ready", "regal", "rich", "robust", "rustic", "sharp", "shiny", "silent", "silver", "sleek", "smooth", "solid", "sound", "steady", "stern", "stoic", "sunny", "swift", "tidy", "tough", "upbeat", "valiant", "vivid", "warm", "wise", "witty", "zesty"]
_NOUNS = ["axle", "badger", "barge", "beam", "bear", "bell", "bolt", "brook", "canal", "cedar", "chisel", "clay", "cog", "crane", "crow", "deer", "dune", "eagle", "elm", "falcon", "fern", "finch", "flume", "forge", "fox", "gear", "grain", "grove", "gull", "hare", "hawk", "heron", "hinge", "hopper", "jay", "kiln", "lark", "lathe", "lever", "lynx", "maple", "meadow", "mill", "millstone", "moth", "oak", "otter", "owl", "pike", "pine", "pulley", "quail", "raven", "reed", "ridge", "river", "robin", "rotor", "sail", "seal", "shaft", "shaper", "shore", "sluice", "snipe", "sparrow", "spindle", "sprocket", "stone", "stork", "swan", "thrush", "trout", "vane", "wheel", "willow", "wren"]


def random_name() -> str:
    """Such as ``calm-heron-417``."""
    number = secrets.randbelow(1000)
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{number}"
