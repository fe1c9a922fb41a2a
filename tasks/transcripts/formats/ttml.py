"""TTML, as IMSC 1.1 text profile: words are timed spans, speakers are agents (W3C TTML2, IMSC 1.1).

Documents are read by a parser that refuses DTDs and entities; it says in which line a thing stands.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.saxutils import escape, quoteattr
from xml.sax.xmlreader import AttributesNSImpl, Locator

import defusedxml.sax
from defusedxml.common import DefusedXmlException

from tasks.contracts import Segment, Transcript
from tasks.transcripts.formats.cues import (
    Cue,
    Notices,
    Piece,
    bad_line,
    build_segments,
    check_size,
    gaps_before,
    one_line,
    spoken,
    write_clock,
)

TT = "http://www.w3.org/ns/ttml"
TTM, TTP = f"{TT}#metadata", f"{TT}#parameter"
XML = "http://www.w3.org/XML/1998/namespace"
PROFILE = "http://www.w3.org/ns/ttml/profile/imsc1.1/text"
DEEPEST = 50
_CLOCK = re.compile(r"(\d{2,}):(\d{2}):(\d{2})(?:\.(\d+)|:(\d{2,}))?")
_OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|f|t)")


@dataclass
class Node:
    """An element, or a text (``name`` is None)."""

    name: str | None
    line: int
    attributes: dict[tuple[str | None, str], str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def get(self, name: str, namespace: str | None = None) -> str | None:
        """Return an attribute."""
        return self.attributes.get((namespace, name))


class _Builder(ContentHandler):
    """Builds nodes with the lines they stand in."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", 0)
        self.open = [self.root]
        self.locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802  the parser's name
        self.locator = locator

    def line(self) -> int:
        return (self.locator.getLineNumber() if self.locator else None) or 1

    def startElementNS(  # noqa: N802  the parser's name
        self, name: tuple[str | None, str], qname: str | None, attrs: AttributesNSImpl
    ) -> None:
        if len(self.open) > DEEPEST:
            raise bad_line(self.line(), f"elements lie more than {DEEPEST} deep")
        node = Node(name[1], self.line(), dict(attrs.items()))
        self.open[-1].children.append(node)
        self.open.append(node)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802  the parser's name
        self.open.pop()

    def characters(self, content: str) -> None:
        self.open[-1].children.append(Node(None, self.line(), text=content))


def parse_xml(text: str) -> Node:
    """Return the root element; raise ``transcript.file_invalid`` for bad XML, a DTD or an entity."""
    builder = _Builder()
    parser = defusedxml.sax.make_parser()
    parser.forbid_dtd = True
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(builder)
    try:
        parser.parse(io.BytesIO(re.sub(r"^\ufeff?<\?xml[^>]*\?>", "", text).encode()))
    except SAXParseException as error:
        raise bad_line(error.getLineNumber() or 1, f"the XML is broken: {error.getMessage()}") from error
    except (DefusedXmlException, SAXException) as error:
        raise bad_line(builder.line(), "document types and entities are refused") from error
    return builder.root.children[0]


@dataclass(frozen=True)
class _Rates:
    frames: float
    ticks: float

    def seconds(self, text: str, line: int) -> float:
        clock, offset = _CLOCK.fullmatch(text.strip()), _OFFSET.fullmatch(text.strip())
        if clock:
            whole = int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])
            return whole + float(f"0.{clock[4] or 0}") + int(clock[5] or 0) / self.frames
        if offset:
            scale = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "f": 1 / self.frames, "t": 1 / self.ticks}
            return float(offset[1]) * scale[offset[2]]
        raise bad_line(line, f"{text.strip()[:40]!r} is no time")


def read_ttml(text: str, language: str | None, notices: Notices) -> tuple[Segment, ...]:
    """Read TTML with times of elements that lie in each other; styles and regions are dropped and noted."""
    check_size(text)
    root = parse_xml(text)
    if root.name != "tt":
        raise bad_line(root.line, "the root element is not tt")
    reader = _Reader(_read_rates(root), _read_agents(root))
    reader.walk(root, 0.0, None, None)
    if any(node.name in ("styling", "layout") for head in root.children for node in head.children):
        notices.add(root.line, "styles and regions are not kept")
    return build_segments(reader.cues, notices, language)


def _read_rates(root: Node) -> _Rates:
    try:
        rate = float(root.get("frameRate", TTP) or 30)
        up, down = (root.get("frameRateMultiplier", TTP) or "1 1").split()
        ticks = float(root.get("tickRate", TTP) or rate)
        rates = _Rates(rate * float(up) / float(down), ticks)
    except (ValueError, ZeroDivisionError) as error:
        raise bad_line(root.line, "frameRate, frameRateMultiplier or tickRate is no rate") from error
    if rates.frames <= 0 or rates.ticks <= 0:
        raise bad_line(root.line, "frameRate and tickRate must be above 0")
    return rates


def _read_agents(node: Node) -> dict[str, str]:
    found = {}
    for child in node.children:
        if child.name == "agent":
            name = "".join(_all_text(child)).strip()
            found[child.get("id", XML) or ""] = name[:64]
        else:
            found.update(_read_agents(child))
    return found


def _all_text(node: Node) -> list[str]:
    return [node.text, *(text for child in node.children for text in _all_text(child))]


@dataclass
class _Reader:
    """Finds the paragraphs, and in them the spans, with their times."""

    rates: _Rates
    agents: dict[str, str]
    cues: list[Cue] = field(default_factory=list)

    def walk(self, node: Node, begin: float, end: float | None, speaker: str | None) -> None:
        begin, end = self._times(node, begin, end)
        speaker = self.agents.get(node.get("agent", TTM) or "") or speaker
        if node.name == "p":
            self._read_paragraph(node, begin, end, speaker)
            return
        for child in node.children:
            if child.name in ("body", "div", "p"):
                self.walk(child, begin, end, speaker)

    def _times(self, node: Node, begin: float, end: float | None) -> tuple[float, float | None]:
        own = begin + self.rates.seconds(node.get("begin") or "0s", node.line)
        ends = [end] if end is not None else []
        if text := node.get("end"):
            ends.append(begin + self.rates.seconds(text, node.line))
        if text := node.get("dur"):
            ends.append(own + self.rates.seconds(text, node.line))
        return own, min(ends, default=None)

    def _read_paragraph(self, node: Node, begin: float, end: float | None, speaker: str | None) -> None:
        pieces = self._read_pieces(node, (begin, end), None, timed=False)
        if not any(piece.text.strip() for piece in pieces):
            return
        if end is None:
            ends = [piece.end for piece in pieces if piece.end is not None]
            if not ends:
                raise bad_line(node.line, "the paragraph has no end")
            end = max(ends)
        name = (node.get("id", XML) or "").removeprefix("c-") or None
        self.cues.append(Cue(node.line, begin, end, tuple(pieces), name, speaker))

    def _read_pieces(
        self, node: Node, span: tuple[float, float | None], speaker: str | None, *, timed: bool
    ) -> list[Piece]:
        pieces: list[Piece] = []
        for child in node.children:
            if child.name is None:
                start, end = span if timed else (None, None)
                pieces.append(Piece(child.text, start, end, speaker))
            elif child.name == "br":
                pieces.append(Piece("\n"))
            elif child.name == "span":
                own = self.agents.get(child.get("agent", TTM) or "") or speaker
                has_times = any(child.get(name) for name in ("begin", "end", "dur"))
                inner = self._times(child, *span)
                pieces += self._read_pieces(child, inner, own, timed=timed or has_times)
        return _join_texts(pieces)


def _join_texts(pieces: list[Piece]) -> list[Piece]:
    """Join texts that a parser handed over in parts."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and (last.start, last.end, last.speaker) == (piece.start, piece.end, piece.speaker):
            joined[-1] = Piece(last.text + piece.text, piece.start, piece.end, piece.speaker)
        else:
            joined.append(piece)
    return joined


def write_ttml(transcript: Transcript) -> str:
    """Return an IMSC 1.1 text document: a paragraph per segment, its words as spans with times inside it."""
    segments = spoken(transcript.segments)
    names = {segment.speaker for segment in segments} | {word.speaker for s in segments for word in s.words}
    agents = {name: f"a{number}" for number, name in enumerate(sorted(filter(None, names)), 1)}
    told = "".join(
        f'<ttm:agent xml:id="{key}" type="person"><ttm:name type="full">{escape(_xml(name))}</ttm:name></ttm:agent>\n'
        for name, key in agents.items()
    )
    body = "".join(
        _write_paragraph(segment, number, agents, transcript.language) for number, segment in enumerate(segments, 1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<tt xmlns="{TT}" xmlns:ttm="{TTM}" xmlns:ttp="{TTP}" '
        f'xmlns:tts="{TT}#styling" ttp:contentProfiles="{PROFILE}" ttp:timeBase="media" '
        f"xml:lang={quoteattr(transcript.language)}>\n<head>\n<metadata>\n{told}</metadata>\n<layout>\n"
        '<region xml:id="r1" tts:origin="10% 80%" tts:extent="80% 15%" tts:displayAlign="after" '
        'tts:textAlign="center"/>\n</layout>\n</head>\n<body region="r1">\n<div>\n'
        f"{body}</div>\n</body>\n</tt>\n"
    )


def _write_paragraph(segment: Segment, number: int, agents: dict[str, str], language: str) -> str:
    agent = f' ttm:agent="{agents[segment.speaker]}"' if segment.speaker else ""
    name = segment.id if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", segment.id) else f"p{number}"
    opened = f'<p xml:id="c-{name}" begin="{write_clock(segment.start)}" end="{write_clock(segment.end)}"{agent}>'
    if not segment.words or all(word.estimated for word in segment.words):
        return f"{opened}{escape(_xml(one_line(segment.text)))}</p>\n"
    parts = []
    for word, gap in zip(segment.words, gaps_before(segment, language), strict=True):
        voice = f' ttm:agent="{agents[word.speaker]}"' if word.speaker and word.speaker != segment.speaker else ""
        begin, end = write_clock(word.start - segment.start), write_clock(word.end - segment.start)
        parts.append(f'{gap}<span begin="{begin}" end="{end}"{voice}>{escape(_xml(one_line(word.text)))}</span>')
    return f"{opened}{''.join(parts)}</p>\n"


def _xml(text: str) -> str:
    """Return a text without the characters that XML cannot have."""
    return re.sub(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
