"""The variants of a deployment, and how they change: from tuples to tuples, the champion first."""

from __future__ import annotations

from collections.abc import Mapping

from millwright.deployment.records import CANARY, CHAMPION, Variant
from millwright.kernel.errors import Conflict, NotFound, nearest

Variants = tuple[Variant, ...]


def with_champion(variants: Variants, version_id: str, version: int) -> Variants:
    """Another version as champion: the canary's trial is over, and an arm of that version too."""
    champion = variants[0].model_copy(update={"version_id": version_id, "version": version})
    others = (one for one in variants[1:] if one.name != CANARY and one.version_id != version_id)
    return _answered((champion, *others))


def with_canary(variants: Variants, version_id: str, version: int, share: float) -> Variants:
    """A challenger that answers ``share`` of the requests; the others keep their proportions.

    Raises:
        Conflict: another variant serves this version, or shadows leave nothing to compare on.
    """
    others = without(variants, CANARY)
    total = sum(one.weight for one in others)
    mirror = round(1.0 - sum(one.mirror for one in others), 9)
    if mirror <= 0.0:
        raise Conflict(
            "deployment.all_mirrored",
            "Every request is scored by a shadow already, and a trial needs the same requests.",
            hint="Lower the mirror of the shadow, or remove it.",
        )
    canary = Variant(
        name=CANARY, version_id=version_id, version=version, weight=share, mirror=mirror
    )
    scaled = (
        one.model_copy(update={"weight": round(one.weight / total * (1.0 - share), 9)})
        for one in others
    )
    return checked((*scaled, canary))


def with_variant(variants: Variants, new: Variant) -> Variants:
    """A variant beside the champion, in place of one of the same name.

    Raises:
        Conflict: another variant serves this version, or it is compared on more than there is.
    """
    if any(one.name == new.name for one in variants):
        return checked(tuple(new if one.name == new.name else one for one in variants))
    return checked((*variants, new))


def without(variants: Variants, name: str) -> Variants:
    """All but one; without anybody who answers, the champion answers all."""
    return _answered(tuple(one for one in variants if one.name != name))


def promoted(variants: Variants, name: str) -> Variants:
    """A variant becomes the champion and answers for both.

    Raises:
        NotFound: there is no such variant.
    """
    winner = named(variants, name)
    weight = variants[0].weight + winner.weight
    left = with_champion(without(variants, name), winner.version_id, winner.version)
    return _answered((left[0].model_copy(update={"weight": weight}), *left[1:]))


def reweighted(variants: Variants, weights: Mapping[str, float]) -> Variants:
    """Other weights for those that are named.

    Raises:
        NotFound: there is no variant of a name.
        Conflict: nobody would answer, or a variant would neither answer nor be compared.
    """
    for name in weights:
        named(variants, name)
    return checked(
        tuple(
            one.model_copy(update={"weight": weights.get(one.name, one.weight)}) for one in variants
        )
    )


def named(variants: Variants, name: str) -> Variant:
    """The variant of that name.

    Raises:
        NotFound: there is none.
    """
    for variant in variants:
        if variant.name == name:
            return variant
    names = [variant.name for variant in variants]
    guess = nearest(name, names)
    raise NotFound(
        "deployment.no_variant",
        f"No variant is called '{name}'.",
        hint=f"Did you mean '{guess}'?" if guess else f"There are: {', '.join(names)}.",
    )


def checked(variants: Variants) -> Variants:
    """These variants, if they can be served together.

    Raises:
        Conflict: they cannot; the message says why.
    """
    by_version: dict[str, Variant] = {}
    for variant in variants:
        other = by_version.setdefault(variant.version_id, variant)
        if other is not variant:
            whose = "the champion" if other.name == CHAMPION else f"the variant '{other.name}'"
            raise Conflict(
                "deployment.served_already",
                f"Version {variant.version} is {whose} already.",
                hint="Choose another version, or change the weights.",
            )
    if sum(one.weight for one in variants) <= 0.0:
        raise Conflict(
            "deployment.nobody_answers",
            "No variant would have a weight, so nobody would answer.",
            hint="Give one of them a weight above 0.",
        )
    if sum(one.mirror for one in variants) > 1.0 + 1e-9:
        raise Conflict(
            "deployment.mirrors",
            "A request is scored beside its answer by one other variant at most, so mirrors sum to"
            " 1 or less.",
            hint="Lower a mirror, or remove a shadow.",
        )
    return variants


def _answered(variants: Variants) -> Variants:
    if any(one.weight for one in variants):
        return variants
    return (variants[0].model_copy(update={"weight": 1.0}), *variants[1:])
