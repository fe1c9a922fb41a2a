"""Plans, users, sessions, idempotency keys, quotas."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GIB = 1 << 30
PLAN_COLUMNS = ("code", "daily_renders", "monthly_renders", "concurrent_renders", "storage_bytes", "weight")
PLANS = [
    ("free", 10, 100, 2, 5 * GIB, 1),
    ("pro", 100, 2000, 8, 200 * GIB, 4),
    ("studio", 1000, 20000, 40, 2000 * GIB, 16),
]


def upgrade() -> None:
    """Create the tables and the three plans."""
    create_accounts()
    create_idempotency()
    create_quotas()


def downgrade() -> None:
    """Drop them, children first."""
    for table in ("quota_reservation", "quota_counter", "idempotency_key", "auth_session", "user", "plan"):
        op.drop_table(table)


def moment(name: str, *, nullable: bool = False) -> sa.Column:
    default = None if nullable else sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def owner(name: str = "user_id", *, primary_key: bool = False, constraint: str) -> sa.Column:
    reference = sa.ForeignKey("user.id", ondelete="CASCADE", name=constraint)
    return sa.Column(name, UUID(as_uuid=True), reference, nullable=False, primary_key=primary_key)


def create_accounts() -> None:
    plan = op.create_table(
        "plan",
        sa.Column("code", sa.String(32), primary_key=True),
        sa.Column("daily_renders", sa.Integer, nullable=False),
        sa.Column("monthly_renders", sa.Integer, nullable=False),
        sa.Column("concurrent_renders", sa.Integer, nullable=False),
        sa.Column("storage_bytes", sa.BigInteger, nullable=False),
        sa.Column("weight", sa.Integer, nullable=False),
    )
    op.bulk_insert(plan, [dict(zip(PLAN_COLUMNS, values, strict=True)) for values in PLANS])
    op.create_table(
        "user",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("email", sa.String(254), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("plan_code", sa.String(32), sa.ForeignKey("plan.code"), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        moment("created_at"),
        sa.CheckConstraint("role IN ('user', 'admin')", name="ck_user_role"),
    )
    op.create_table(
        "auth_session",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        owner(constraint="fk_auth_session_user_id_user"),
        sa.Column("refresh_jti", sa.String(64), nullable=False),
        moment("created_at"),
        moment("refreshed_at"),
        moment("revoked_at", nullable=True),
        sa.Column("revoked_reason", sa.String(32), nullable=False),
    )
    op.create_index("ix_auth_session_user_id", "auth_session", ["user_id"])


def create_idempotency() -> None:
    op.create_table(
        "idempotency_key",
        owner(primary_key=True, constraint="fk_idempotency_key_user_id_user"),
        sa.Column("endpoint", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("body", JSONB),
        moment("created_at"),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])


def create_quotas() -> None:
    op.create_table(
        "quota_counter",
        owner(primary_key=True, constraint="fk_quota_counter_user_id_user"),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("window_start", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("cap", sa.BigInteger, nullable=False),
        sa.CheckConstraint("used >= 0 AND used <= cap", name="ck_quota_counter_within_cap"),
    )
    op.create_table(
        "quota_reservation",
        sa.Column("ref", sa.String(80), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        owner(constraint="fk_quota_reservation_user_id_user"),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.CheckConstraint("state IN ('held', 'settled', 'released')", name="ck_quota_reservation_state"),
    )
    op.create_index("ix_quota_reservation_user_id", "quota_reservation", ["user_id"])
