"""Credits and payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
PLAN_CREDITS = {"free": (1_000, 5_000), "pro": (10_000, 100_000), "studio": (100_000, 1_000_000)}
APPEND_ONLY = """
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credit_entry is append-only' USING ERRCODE = 'restrict_violation';
END
$$
"""
TRIGGER = """
CREATE TRIGGER credit_entry_append_only BEFORE UPDATE OR DELETE ON credit_entry
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()
"""


def upgrade() -> None:
    """Give plans their credits; create accounts and the ledger, which its trigger keeps as written."""
    add_plan_columns()
    create_account()
    create_entry()
    op.execute(APPEND_ONLY)
    op.execute(TRIGGER)
    create_payment_customer()
    create_payment()
    create_payment_event()


def downgrade() -> None:
    """Drop them again."""
    for table in ("payment_event", "payment", "payment_subscription", "payment_customer"):
        op.drop_table(table)
    op.drop_table("credit_entry")
    op.execute("DROP FUNCTION refuse_ledger_change()")
    op.drop_table("credit_account")
    for column in ("credit_ceiling", "credits_per_day"):
        op.drop_column("plan", column)


def add_plan_columns() -> None:
    for column in ("credits_per_day", "credit_ceiling"):
        op.add_column("plan", sa.Column(column, sa.BigInteger, nullable=False, server_default="0"))
        op.alter_column("plan", column, server_default=None)
    plan = sa.table("plan", sa.column("code"), sa.column("credits_per_day"), sa.column("credit_ceiling"))
    for code, (per_day, ceiling) in PLAN_CREDITS.items():
        row = plan.update().where(plan.c.code == code)
        op.execute(row.values(credits_per_day=per_day, credit_ceiling=ceiling))


def number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False)


def create_account() -> None:
    op.create_table(
        "credit_account",
        sa.Column(
            "user_id",
            UUID(as_uuid=True),
            sa.ForeignKey("user.id", ondelete="CASCADE", name="fk_credit_account_user_id_user"),
            primary_key=True,
        ),
        number("balance"),
        number("debt"),
        number("seq"),
        sa.Column("recharged_on", sa.Date),
        sa.CheckConstraint("balance >= 0", name="ck_credit_account_balance"),
        sa.CheckConstraint("debt >= 0", name="ck_credit_account_debt"),
        sa.CheckConstraint("balance = 0 OR debt = 0", name="ck_credit_account_balance_or_debt"),
    )


def create_entry() -> None:
    amounts = ("amount", "balance_before", "balance_after", "debt_change", "debt_before", "debt_after")
    op.create_table(
        "credit_entry",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("user_id", UUID(as_uuid=True), nullable=False),
        number("seq"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        *(number(name) for name in amounts),
        sa.Column("ref", sa.String(160), nullable=False),
        sa.Column("job_id", UUID(as_uuid=True)),
        sa.Column("success", sa.Boolean),
        sa.Column("details", JSONB, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.UniqueConstraint("ref", "kind", name="uq_credit_entry_ref_kind"),
        sa.UniqueConstraint("user_id", "seq", name="uq_credit_entry_user_id_seq"),
        sa.CheckConstraint(
            "balance_after = balance_before + amount AND balance_after >= 0", name="ck_credit_entry_balance"
        ),
        sa.CheckConstraint("debt_after = debt_before + debt_change AND debt_after >= 0", name="ck_credit_entry_debt"),
    )
    op.create_index("ix_credit_entry_job", "credit_entry", ["job_id"])
    closed = sa.text("kind IN ('commit', 'refund')")
    op.create_index("uq_credit_entry_closed", "credit_entry", ["ref"], unique=True, postgresql_where=closed)


def moment(name: str) -> sa.Column:
    return sa.Column(name, MOMENT, nullable=False, server_default=sa.func.now())


def user_of(table: str, *, primary_key: bool = False) -> sa.Column:
    foreign = sa.ForeignKey("user.id", ondelete="CASCADE", name=f"fk_{table}_user_id_user")
    return sa.Column("user_id", UUID(as_uuid=True), foreign, nullable=False, primary_key=primary_key)


def create_payment_customer() -> None:
    op.create_table(
        "payment_customer",
        user_of("payment_customer", primary_key=True),
        sa.Column("customer_id", sa.String(255), nullable=False),
        moment("created_at"),
        sa.UniqueConstraint("customer_id", name="uq_payment_customer_customer_id"),
    )
    plan = sa.ForeignKey("plan.code", name="fk_payment_subscription_plan_code_plan")
    op.create_table(
        "payment_subscription",
        sa.Column("id", sa.String(255), primary_key=True),
        user_of("payment_subscription"),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("plan_code", sa.String(32), plan),
        sa.Column("renews_at", MOMENT),
        sa.Column("cancels", sa.Boolean, nullable=False),
        moment("updated_at"),
    )
    op.create_index("ix_payment_subscription_user_id", "payment_subscription", ["user_id"])


def create_payment() -> None:
    op.create_table(
        "payment",
        sa.Column("ref", sa.String(255), primary_key=True),
        sa.Column("user_id", UUID(as_uuid=True), nullable=False),
        sa.Column("item", sa.String(40), nullable=False),
        *(number(name) for name in ("credits", "amount", "refunded")),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("disputed", sa.Boolean, nullable=False),
        number("taken"),
        sa.Column("moves", sa.Integer, nullable=False),
        moment("created_at"),
        sa.CheckConstraint("taken >= 0 AND taken <= credits", name="ck_payment_taken"),
    )
    op.create_index("ix_payment_user", "payment", ["user_id", "created_at"])


def create_payment_event() -> None:
    op.create_table(
        "payment_event",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("said_at", MOMENT, nullable=False),
        moment("received_at"),
        sa.Column("details", JSONB, nullable=False),
    )
