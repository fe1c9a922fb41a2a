"""Jobs, steps, attempts, outbox, events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = "('queued', 'running', 'succeeded', 'failed', 'cancelled')"
OUTCOMES = "('succeeded', 'failed', 'retried', 'lost', 'handed_back', 'cancelled')"


def upgrade() -> None:
    """Create the tables of the job engine."""
    op.execute("CREATE SEQUENCE step_token")
    create_job()
    create_step()
    create_attempt()
    create_outbox()
    create_event()


def downgrade() -> None:
    """Drop them again, children first."""
    for table in ("event", "outbox", "attempt", "step", "job"):
        op.drop_table(table)
    op.execute("DROP SEQUENCE step_token")


def key() -> sa.Column:
    return sa.Column("id", UUID(as_uuid=True), primary_key=True)


def reference(name: str, target: str, *, table: str, primary_key: bool = False) -> sa.Column:
    foreign = sa.ForeignKey(f"{target}.id", ondelete="CASCADE", name=f"fk_{table}_{name}_{target}")
    return sa.Column(name, UUID(as_uuid=True), foreign, primary_key=primary_key, nullable=False)


def needed(name: str, kind: sa.types.TypeEngine) -> sa.Column:
    return sa.Column(name, kind, nullable=False)


def progress_columns() -> list[sa.Column]:
    return [
        needed("stage", sa.String(64)),
        needed("done", sa.Float()),
        needed("total", sa.Float()),
        needed("unit", sa.String(32)),
    ]


def error_columns() -> list[sa.Column]:
    return [
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_message", sa.String(2000)),
        sa.Column("error_details", JSONB),
    ]


def create_job() -> None:
    op.create_table(
        "job",
        key(),
        reference("owner_id", "user", table="job"),
        needed("kind", sa.String(32)),
        needed("state", sa.String(16)),
        needed("priority", sa.SmallInteger()),
        needed("subject", JSONB()),
        needed("run", sa.Integer()),
        needed("cancel_requested", sa.Boolean()),
        needed("percent", sa.Float()),
        *progress_columns(),
        sa.Column("eta_s", sa.Float),
        *error_columns(),
        needed("event_seq", sa.BigInteger()),
        sa.Column("progress_event_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.CheckConstraint(f"state IN {STATES}", name="ck_job_state"),
        sa.CheckConstraint(
            "percent >= 0 AND (percent <= 99 OR (percent = 100 AND state = 'succeeded'))", name="ck_job_percent"
        ),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled'))", name="ck_job_finished"
        ),
    )
    op.create_index("ix_job_owner_created", "job", ["owner_id", "created_at", "id"])
    op.create_index("ix_job_active", "job", ["state"], postgresql_where=sa.text("state IN ('queued', 'running')"))


def create_step() -> None:
    op.create_table(
        "step",
        key(),
        reference("job_id", "job", table="step"),
        needed("position", sa.Integer()),
        needed("name", sa.String(64)),
        needed("part", sa.Integer()),
        needed("task", sa.String(64)),
        needed("after", ARRAY(sa.String(64))),
        needed("state", sa.String(16)),
        needed("attempt", sa.Integer()),
        needed("charged", sa.Integer()),
        needed("faults", sa.Integer()),
        needed("handbacks", sa.Integer()),
        sa.Column("token", sa.BigInteger),
        needed("nonce", sa.String(64)),
        needed("node", sa.String(255)),
        sa.Column("lease_until", MOMENT),
        sa.Column("run_after", MOMENT),
        needed("fraction", sa.Float()),
        *progress_columns(),
        sa.Column("seen_at", MOMENT),
        *error_columns(),
        sa.Column("queued_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        needed("input", JSONB()),
        sa.Column("result", JSONB),
        sa.UniqueConstraint("job_id", "name", "part", name="uq_step_job_id_name_part"),
        sa.UniqueConstraint("token", name="uq_step_token"),
        sa.CheckConstraint(f"state IN {STATES}", name="ck_step_state"),
        sa.CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="ck_step_lease"),
        sa.CheckConstraint("fraction BETWEEN 0 AND 1", name="ck_step_fraction"),
    )
    op.create_index("ix_step_lease", "step", ["lease_until"], postgresql_where=sa.text("state = 'running'"))
    op.create_index("ix_step_queued", "step", ["queued_at"], postgresql_where=sa.text("state = 'queued'"))


def create_attempt() -> None:
    op.create_table(
        "attempt",
        reference("step_id", "step", table="attempt", primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        needed("token", sa.BigInteger()),
        needed("node", sa.String(255)),
        needed("started_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("outcome", sa.String(16)),
        sa.Column("code", sa.String(64)),
        sa.Column("message", sa.String(2000)),
        sa.UniqueConstraint("token", name="uq_attempt_token"),
        sa.CheckConstraint(f"outcome IS NULL OR outcome IN {OUTCOMES}", name="ck_attempt_outcome"),
    )


def create_outbox() -> None:
    op.create_table(
        "outbox",
        reference("step_id", "step", table="outbox", primary_key=True),
        reference("job_id", "job", table="outbox"),
        needed("priority", sa.SmallInteger()),
        needed("due_at", MOMENT),
        sa.Column("sent_at", MOMENT),
        needed("tries", sa.Integer()),
    )
    op.create_index("ix_outbox_due", "outbox", ["due_at"])
    op.create_index("ix_outbox_job", "outbox", ["job_id"])


def create_event() -> None:
    op.create_table(
        "event",
        reference("job_id", "job", table="event", primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        needed("kind", sa.String(32)),
        needed("data", JSONB()),
        sa.Column("at", MOMENT, nullable=False, server_default=sa.func.clock_timestamp()),
    )
