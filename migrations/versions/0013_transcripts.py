"""Transcripts: what each version did, and lines to search in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR, UUID

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CONFIGS = {"en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian", "pt": "portuguese"}
"""The stemming that lines of before this revision get; others are found by their exact words until they are edited."""
SPACELESS = r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])"


def upgrade() -> None:
    """Add what versions did, create the lines and fill them from the current versions."""
    op.add_column("transcript_version", sa.Column("kind", sa.String(16), nullable=False, server_default="edit"))
    op.add_column("transcript_version", sa.Column("patches", JSONB))
    op.execute("UPDATE transcript_version SET kind = 'heard', patches = '[]' WHERE author = 'engine'")
    op.alter_column("transcript_version", "kind", server_default=None)
    transcript = sa.ForeignKey("transcript.id", ondelete="CASCADE", name="fk_transcript_line_transcript_id_transcript")
    op.create_table(
        "transcript_line",
        sa.Column("transcript_id", UUID(as_uuid=True), transcript, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("segment_id", sa.String(64), nullable=False),
        sa.Column("start_s", sa.Float, nullable=False),
        sa.Column("end_s", sa.Float, nullable=False),
        sa.Column("speaker", sa.String(64)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("search", TSVECTOR, nullable=False),
    )
    op.create_index("ix_transcript_line_search", "transcript_line", ["search"], postgresql_using="gin")
    op.execute(fill_lines())


def fill_lines() -> sa.TextClause:
    """Return the statement that makes a line of each segment of the current versions."""
    cases = " ".join(f"WHEN '{language}' THEN '{config}'" for language, config in CONFIGS.items())
    return sa.text(
        f"""
        INSERT INTO transcript_line (transcript_id, position, segment_id, start_s, end_s, speaker, text, search)
        SELECT t.id, s.n - 1, left(s.line ->> 'id', 64), (s.line ->> 'start')::float, (s.line ->> 'end')::float,
               left(s.line ->> 'speaker', 64), s.line ->> 'text',
               to_tsvector('simple', regexp_replace(s.line ->> 'text', :spaceless, ' \\1 ', 'g'))
               || to_tsvector((CASE t.language {cases} ELSE 'simple' END)::regconfig, s.line ->> 'text')
        FROM transcript t
        JOIN transcript_version v ON v.transcript_id = t.id AND v.version = t.current_version
        CROSS JOIN LATERAL jsonb_array_elements(v.document -> 'segments') WITH ORDINALITY AS s(line, n)
        """  # noqa: S608  # nosec B608 - only constants of this module
    ).bindparams(spaceless=SPACELESS)


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("transcript_line")
    op.drop_column("transcript_version", "patches")
    op.drop_column("transcript_version", "kind")
