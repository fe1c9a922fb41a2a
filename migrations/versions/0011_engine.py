"""Fair shares, named limits, schedules: turns of bells, limits of steps, what was due when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
QUEUES = {"speech": "transcription", "render": "render", "control": "control"}


def upgrade() -> None:
    """Create the tables, and give each bell its line."""
    create_turns()
    create_limits()
    create_schedule()
    op.add_column("step", sa.Column("limits", ARRAY(sa.String(120)), nullable=False, server_default="{}"))
    held = sa.text("state = 'running' AND limits <> '{}'")
    op.create_index("ix_step_limits", "step", ["limits"], postgresql_using="gin", postgresql_where=held)
    change_outbox()


def downgrade() -> None:
    """Put everything back as it was."""
    for name in ("arrived", "turn", "out", "parked"):
        op.drop_index(f"ix_outbox_{name}", "outbox")
    for column in ("queue", "owner_id", "turn", "arrived_at", "paid", "parked_on"):
        op.drop_column("outbox", column)
    op.create_index("ix_outbox_due", "outbox", ["due_at"])
    op.drop_index("ix_step_limits", "step")
    op.drop_column("step", "limits")
    for table in ("schedule_run", "named_limit", "turn_end", "turn_clock", "turn_queue"):
        op.drop_table(table)


def line() -> list[sa.Column]:
    return [
        sa.Column("queue", sa.String(32), primary_key=True),
        sa.Column("priority", sa.SmallInteger, primary_key=True, autoincrement=False),
    ]


def create_turns() -> None:
    """Create the clocks of the lines."""
    op.create_table(
        "turn_queue",
        sa.Column("queue", sa.String(32), primary_key=True),
        sa.Column("turns", sa.BigInteger, nullable=False),
        sa.Column("out", sa.Integer, nullable=False),
        sa.Column("rate", sa.Float, nullable=False),
        sa.Column("measured_at", MOMENT, nullable=False),
    )
    op.create_table("turn_clock", *line(), sa.Column("clock", sa.Float, nullable=False))
    op.create_table(
        "turn_end",
        *line(),
        sa.Column("owner_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("ix_turn_end_at", "turn_end", ["queue", "priority", "at"])


def create_limits() -> None:
    """Create the table of named limits."""
    op.create_table(
        "named_limit",
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.CheckConstraint("size >= 0", name="ck_named_limit_size"),
    )


def create_schedule() -> None:
    """Create the table of what was due."""
    op.create_table(
        "schedule_run",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("due_at", MOMENT, primary_key=True),
        sa.Column("skipped", sa.Boolean, nullable=False),
        sa.Column("sent_at", MOMENT),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
    )
    unsent = sa.text("sent_at IS NULL AND NOT skipped")
    op.create_index("ix_schedule_run_unsent", "schedule_run", ["due_at"], postgresql_where=unsent)


def change_outbox() -> None:
    """Add the columns that give a bell its turn."""
    op.add_column("outbox", sa.Column("queue", sa.String(32)))
    op.add_column("outbox", sa.Column("owner_id", UUID(as_uuid=True)))
    op.add_column("outbox", sa.Column("turn", sa.Float))
    op.add_column("outbox", sa.Column("arrived_at", MOMENT))
    op.add_column("outbox", sa.Column("paid", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("outbox", sa.Column("parked_on", sa.String(120)))
    cases = " ".join(f"WHEN '{kind}' THEN '{queue}'" for kind, queue in QUEUES.items())
    op.execute(
        "UPDATE outbox SET owner_id = job.owner_id, "  # noqa: S608  # nosec B608 - our own words
        f"queue = CASE split_part(step.task, '.', 1) {cases} ELSE 'ingest' END "
        "FROM step JOIN job ON job.id = step.job_id WHERE step.id = outbox.step_id"
    )
    op.alter_column("outbox", "queue", nullable=False)
    op.alter_column("outbox", "owner_id", nullable=False)
    op.alter_column("outbox", "paid", server_default=None)
    op.drop_index("ix_outbox_due", "outbox")
    op.create_index(
        "ix_outbox_arrived", "outbox", ["due_at"], postgresql_where=sa.text("turn IS NULL AND parked_on IS NULL")
    )
    op.create_index(
        "ix_outbox_turn",
        "outbox",
        ["queue", "priority", "turn"],
        postgresql_where=sa.text("turn IS NOT NULL AND parked_on IS NULL"),
    )
    op.create_index("ix_outbox_out", "outbox", ["queue", "due_at"], postgresql_where=sa.text("sent_at IS NOT NULL"))
    op.create_index(
        "ix_outbox_parked", "outbox", ["parked_on", "turn"], postgresql_where=sa.text("parked_on IS NOT NULL")
    )
