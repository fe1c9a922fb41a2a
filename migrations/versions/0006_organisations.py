"""Organisations, tokens, audit, limits of single users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
OWNED = ("asset", "upload", "job", "transcript", "render")
ROLES = "role IN ('viewer', 'editor', 'owner')"


def upgrade() -> None:
    """Create the tables, let rows belong to organisations, close the audit log."""
    create_organisations()
    create_api_token()
    create_quota_override()
    create_audit_log()
    for table in OWNED:
        op.add_column(table, reference(table, "organisation_id", "organisation", ondelete="RESTRICT", nullable=True))
        op.create_index(f"ix_{table}_organisation_id", table, ["organisation_id"])


def downgrade() -> None:
    """Take it all away again."""
    for table in OWNED:
        op.drop_index(f"ix_{table}_organisation_id", table)
        op.drop_column(table, "organisation_id")
    for table in ("audit_log", "quota_override", "api_token", "invitation", "membership", "organisation"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_audit_change()")


def key() -> sa.Column:
    return sa.Column("id", UUID(as_uuid=True), primary_key=True)


def reference(
    table: str, name: str, target: str, *, ondelete: str, nullable: bool = False, primary_key: bool = False
) -> sa.Column:
    foreign = sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{name}_{target}")
    return sa.Column(name, UUID(as_uuid=True), foreign, nullable=nullable, primary_key=primary_key)


def created() -> sa.Column:
    return sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now())


def create_organisations() -> None:
    op.create_table(
        "organisation",
        key(),
        sa.Column("name", sa.String(120), nullable=False),
        created(),
        sa.Column("dissolved_at", MOMENT),
    )
    op.create_table(
        "membership",
        reference("membership", "organisation_id", "organisation", ondelete="CASCADE", primary_key=True),
        reference("membership", "user_id", "user", ondelete="CASCADE", primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        created(),
        sa.CheckConstraint(ROLES, name="ck_membership_role"),
    )
    op.create_index("ix_membership_user_id", "membership", ["user_id"])
    op.create_table(
        "invitation",
        key(),
        reference("invitation", "organisation_id", "organisation", ondelete="CASCADE"),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        reference("invitation", "invited_by", "user", ondelete="SET NULL", nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        created(),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.CheckConstraint(ROLES, name="ck_invitation_role"),
        sa.CheckConstraint("state IN ('pending', 'accepted', 'declined', 'withdrawn')", name="ck_invitation_state"),
    )
    op.create_index("ix_invitation_email", "invitation", ["email"])
    pending = sa.text("state = 'pending'")
    op.create_index(
        "uq_invitation_pending", "invitation", ["organisation_id", "email"], unique=True, postgresql_where=pending
    )


def create_api_token() -> None:
    op.create_table(
        "api_token",
        key(),
        reference("api_token", "user_id", "user", ondelete="CASCADE"),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("prefix", sa.String(32), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", ARRAY(sa.String(32)), nullable=False),
        created(),
        sa.Column("expires_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
    )
    op.create_index("ix_api_token_user_id", "api_token", ["user_id"])
    op.create_index("ix_api_token_prefix", "api_token", ["prefix"])


def create_quota_override() -> None:
    op.create_table(
        "quota_override",
        reference("quota_override", "user_id", "user", ondelete="CASCADE", primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("cap", sa.BigInteger, nullable=False),
        sa.CheckConstraint("cap >= 0", name="ck_quota_override_cap"),
    )


def create_audit_log() -> None:
    op.create_table(
        "audit_log",
        key(),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("actor_id", UUID(as_uuid=True)),
        sa.Column("actor_email", sa.String(254), nullable=False),
        sa.Column("via", sa.String(16), nullable=False),
        sa.Column("token_id", UUID(as_uuid=True)),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target_type", sa.String(32), nullable=False),
        sa.Column("target_id", sa.String(64), nullable=False),
        sa.Column("organisation_id", UUID(as_uuid=True)),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_log_created", "audit_log", ["created_at", "id"])
    op.create_index("ix_audit_log_actor", "audit_log", ["actor_id", "created_at", "id"])
    op.create_index("ix_audit_log_target", "audit_log", ["target_type", "target_id", "created_at", "id"])
    op.create_index("ix_audit_log_organisation", "audit_log", ["organisation_id", "created_at", "id"])
    op.execute("""
        CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege'; END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
    """)
