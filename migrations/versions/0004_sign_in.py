"""Proven addresses, mail, sessions that say where they come from, identities at other providers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
TABLES = ("email_proof", "mail_message", "sign_in_attempt", "oauth_grant", "oauth_flow", "identity")
SESSION_COLUMNS = (("method", 255, "password"), ("address", 64, ""), ("user_agent", 255, ""))


def upgrade() -> None:
    """Add the tables; sessions that are there keep a full life. Defaults stay for processes of the version before."""
    op.add_column("user", sa.Column("email_verified_at", MOMENT))
    op.add_column("user", sa.Column("tokens_after", MOMENT))
    op.alter_column("user", "password_hash", nullable=True)
    for name, length, default in SESSION_COLUMNS:
        op.add_column("auth_session", sa.Column(name, sa.String(length), nullable=False, server_default=default))
    later = sa.text("now() + interval '365 days'")
    op.add_column("auth_session", sa.Column("expires_at", MOMENT, nullable=False, server_default=later))
    op.create_index("ix_auth_session_expires_at", "auth_session", ["expires_at"])
    create_mail()
    create_attempts()
    create_identities()


def downgrade() -> None:
    """Take it all away again; accounts without a password get one that nothing fits."""
    for table in TABLES:
        op.drop_table(table)
    op.drop_index("ix_auth_session_expires_at", "auth_session")
    for name in ("expires_at", *(name for name, _, _ in SESSION_COLUMNS)):
        op.drop_column("auth_session", name)
    op.execute("UPDATE \"user\" SET password_hash = '!' WHERE password_hash IS NULL")
    op.alter_column("user", "password_hash", nullable=False)
    op.drop_column("user", "tokens_after")
    op.drop_column("user", "email_verified_at")


def key() -> sa.Column:
    return sa.Column("id", UUID(as_uuid=True), primary_key=True)


def created() -> sa.Column:
    return sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now())


def text(name: str, length: int, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=nullable)


def of_user(table: str, *, nullable: bool = False) -> sa.Column:
    foreign = sa.ForeignKey("user.id", ondelete="CASCADE", name=f"fk_{table}_user_id_user")
    return sa.Column("user_id", UUID(as_uuid=True), foreign, nullable=nullable)


def create_mail() -> None:
    op.create_table(
        "email_proof",
        key(),
        text("purpose", 16),
        text("email", 254),
        of_user("email_proof", nullable=True),
        text("password_hash", 200, nullable=True),
        sa.Column("token_sha256", sa.String(64), unique=True),
        created(),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.CheckConstraint("purpose IN ('register', 'reset', 'change')", name="ck_email_proof_purpose"),
    )
    op.create_index("ix_email_proof_email", "email_proof", ["email"])
    op.create_index("ix_email_proof_user_id", "email_proof", ["user_id"])
    op.create_table(
        "mail_message",
        key(),
        text("kind", 32),
        text("address", 254),
        sa.Column("params", JSONB, nullable=False),
        created(),
        sa.Column("due_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("sent_at", MOMENT),
        text("outcome", 16),
    )
    waiting = sa.text("outcome = 'waiting'")
    op.create_index("ix_mail_message_due", "mail_message", ["due_at"], postgresql_where=waiting)
    op.create_index("ix_mail_message_address", "mail_message", ["address", "created_at"])


def create_attempts() -> None:
    op.create_table(
        "sign_in_attempt",
        key(),
        text("account_sha256", 64),
        text("address", 64),
        created(),
    )
    op.create_index("ix_sign_in_attempt_account", "sign_in_attempt", ["account_sha256", "created_at"])
    op.create_index("ix_sign_in_attempt_created_at", "sign_in_attempt", ["created_at"])


def create_identities() -> None:
    op.create_table(
        "identity",
        key(),
        of_user("identity"),
        text("provider", 255),
        text("subject", 255),
        text("email", 254),
        created(),
        sa.UniqueConstraint("provider", "subject", name="uq_identity_provider_subject"),
    )
    op.create_index("ix_identity_user_id", "identity", ["user_id"])
    op.create_table(
        "oauth_flow",
        sa.Column("state_sha256", sa.String(64), primary_key=True),
        text("browser_sha256", 64),
        text("provider", 32),
        text("challenge", 64),
        text("next_path", 512),
        of_user("oauth_flow", nullable=True),
        sa.Column("session_id", UUID(as_uuid=True)),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_table(
        "oauth_grant",
        sa.Column("code_sha256", sa.String(64), primary_key=True),
        of_user("oauth_grant"),
        text("provider", 32),
        text("challenge", 64),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    for table in ("oauth_flow", "oauth_grant"):
        op.create_index(f"ix_{table}_expires_at", table, ["expires_at"])
        op.create_index(f"ix_{table}_user_id", table, ["user_id"])
