"""Who may not import whom, as the contracts say that import-linter checks: :doc:`architecture` includes the table."""

from __future__ import annotations

from collections.abc import Iterable
from configparser import ConfigParser, SectionProxy
from dataclasses import dataclass, field

from reference import ROOT, table

SECTION = "importlinter:contract:"


@dataclass
class Ring:
    """What contracts say of the same packages."""

    says: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    apart: bool = False


def build_rings() -> str:
    """Return the table."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    ours = set(words(config["importlinter"], "root_packages"))
    rings: dict[tuple[str, ...], Ring] = {}
    for section in (config[name] for name in config.sections() if name.startswith(SECTION)):
        who = tuple(words(section, "source_modules") or words(section, "modules"))
        ring = rings.setdefault(who, Ring())
        ring.says.append(section["name"])
        ring.forbidden += words(section, "forbidden_modules")
        ring.apart = ring.apart or section["type"] == "independence"
    rows = [
        (
            "; ".join(ring.says),
            spell(who),
            spell(name for name in ring.forbidden if name.partition(".")[0] in ours)
            + ("; nor each other" if ring.apart else ""),
            ", ".join(f"``{name}``" for name in ring.forbidden if name.partition(".")[0] not in ours),
        )
        for who, ring in rings.items()
    ]
    return "\n".join(table(("The rule", "For", "Imports none of ours", "Nor these libraries"), rows, "20 32 28 20"))


def words(section: SectionProxy, key: str) -> list[str]:
    """Return a list of a contract's."""
    return section.get(key, "").split()


def spell(names: Iterable[str]) -> str:
    """Write modules by their package: ``api``, ``tasks``: ``media``, ``clips``."""
    whole, parts = list[str](), dict[str, list[str]]()
    for name in names:
        top, _, rest = name.partition(".")
        if rest:
            parts.setdefault(top, []).append(f"``{rest}``")
        else:
            whole.append(f"``{top}``")
    return "; ".join(
        [", ".join(whole)] * bool(whole) + [f"``{top}.`` {', '.join(rest)}" for top, rest in parts.items()]
    )
