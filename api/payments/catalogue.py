"""What can be bought: packs of credits and plans, by the ids of Stripe's prices (``REELYARD_CATALOGUE``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

ENTRY = re.compile(r"(pack|plan)\.([a-z0-9][a-z0-9_-]{0,31})=(price_\w{1,64}):(\d{1,9})")


class ItemKind(StrEnum):
    """A pack is paid once; a plan again and again."""

    PACK = "pack"
    PLAN = "plan"


@dataclass(frozen=True)
class Item:
    """Something to buy: ``credits`` come once for a pack, with every paid period for a plan."""

    kind: ItemKind
    name: str
    price_id: str
    credits: int

    @property
    def code(self) -> str:
        """What clients call it: ``pack.small``."""
        return f"{self.kind.value}.{self.name}"


@lru_cache(maxsize=8)
def parse_catalogue(text: str) -> Mapping[str, Item]:
    """Read ``pack.small=price_1Abc:500,plan.pro=price_1Def:20000``; raise ValueError with what was expected."""
    items: dict[str, Item] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = ENTRY.fullmatch(part)
        if found is None or int(found[4]) < (found[1] == ItemKind.PACK):
            raise ValueError(f"must be like 'pack.small=price_1Abc:500,plan.pro=price_1Def:20000', not {part!r}")
        item = Item(ItemKind(found[1]), found[2], found[3], int(found[4]))
        if item.code in items or item.price_id in {other.price_id for other in items.values()}:
            raise ValueError(f"names {item.code} or {item.price_id} twice")
        items[item.code] = item
    return items
