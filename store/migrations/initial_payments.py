"""Store: tables of payments, shipping requests, mails and webhooks, as revision 0001 creates them."""

import sqlalchemy as sa
from alembic import op

from store.tables.ledger import LEDGER_TRIGGERS
from store.tables.payment_attempts import ATTEMPT_TRIGGERS


def create() -> None:
    """Create the tables, indexes and triggers."""
    op.create_table(
        "dispatch_requests",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("with_battery", sa.Boolean(), nullable=False),
        sa.Column("ship_to", sa.JSON(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("to_do", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.PrimaryKeyConstraint("claim_id", name="pk_dispatch_requests"),
        sa.UniqueConstraint("reference", name="uq_dispatch_requests_reference"),
    )
    op.create_index("ix_dispatch_requests_place", "dispatch_requests", ["to_do", "requested_at", "reference"])
    op.create_table(
        "gateway_answers",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_gateway_answers"),
    )
    op.create_table(
        "gateway_events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("happened", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "happened IN ('authorized', 'captured', 'charged', 'expired', 'refunded', 'released')",
            name="gateway_events_happened_known",
        ),
        sa.PrimaryKeyConstraint("number", name="pk_gateway_events"),
        sa.UniqueConstraint("id", name="uq_gateway_events_id"),
    )
    op.create_index("ix_gateway_events_waiting", "gateway_events", ["delivered_at", "number"])
    op.create_table(
        "gateway_payments",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("payment_method", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(captured > 0) = (state = 'captured')", name="gateway_payments_captured_is_a_state"),
        sa.CheckConstraint("(kind = 'hold') = (expires_at IS NOT NULL)", name="gateway_payments_holds_expire"),
        sa.CheckConstraint("kind IN ('hold', 'charge')", name="gateway_payments_kind_known"),
        sa.CheckConstraint(
            "state IN ('authorized', 'captured', 'released', 'expired')", name="gateway_payments_state_known"
        ),
        sa.CheckConstraint("amount > 0", name="gateway_payments_amount_positive"),
        sa.CheckConstraint("captured >= 0 AND captured <= amount", name="gateway_payments_captured_within_amount"),
        sa.CheckConstraint("refunded >= 0 AND refunded <= captured", name="gateway_payments_refunded_within_captured"),
        sa.PrimaryKeyConstraint("id", name="pk_gateway_payments"),
        sa.UniqueConstraint("reference", name="uq_gateway_payments_reference"),
    )
    op.create_index("ix_gateway_payments_subject", "gateway_payments", ["subject"])
    op.create_table(
        "http_requests",
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_http_requests"),
    )
    op.create_index("ix_http_requests_created_at", "http_requests", ["created_at"])
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.CheckConstraint("amount <> 0", name="ledger_entries_amount_not_zero"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_entries"),
        sa.UniqueConstraint("key", "account", name="ledger_entries_once_per_key_and_account"),
    )
    op.create_index("ix_ledger_entries_at", "ledger_entries", ["at", "id"])
    op.create_index("ix_ledger_entries_subject", "ledger_entries", ["subject"])
    op.create_table(
        "mails",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("occurrence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("claim_id", "kind", "occurrence", name="pk_mails"),
        sa.UniqueConstraint("message_id", name="uq_mails_message_id"),
    )
    op.create_table(
        "outbox_mails",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_mails"),
        sa.UniqueConstraint("claim_id", "kind", "occurrence", name="uq_outbox_mails_claim_id_kind_occurrence"),
    )
    op.create_index(
        "ix_outbox_mails_due",
        "outbox_mails",
        ["next_try_at", "id", "attempts", "written_at"],
        sqlite_where=sa.text("failed_at IS NULL"),
        postgresql_where=sa.text("failed_at IS NULL"),
    )
    op.create_index(
        "ix_outbox_mails_given_up",
        "outbox_mails",
        ["told", "id"],
        sqlite_where=sa.text("failed_at IS NOT NULL"),
        postgresql_where=sa.text("failed_at IS NOT NULL"),
    )
    op.create_table(
        "payment_attempts",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("acts_on", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('authorize', 'capture', 'release', 'charge', 'refund', 'keep_deposit')",
            name="payment_attempts_purpose_known",
        ),
        sa.CheckConstraint("(amount IS NULL) = (currency IS NULL)", name="payment_attempts_amount_has_currency"),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="payment_attempts_answer_has_instant"),
        sa.PrimaryKeyConstraint("key", name="pk_payment_attempts"),
    )
    op.create_index("ix_payment_attempts_subject", "payment_attempts", ["subject"])
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ledger_mark", sa.BigInteger(), nullable=False),
        sa.Column("payments_checked", sa.Integer(), nullable=False),
        sa.Column("holds_live", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
    )
    op.create_index("ix_reconciliations_finished_at", "reconciliations", ["finished_at", "id"])
    op.create_table(
        "saved_cards",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "token", name="pk_saved_cards"),
    )
    op.create_table(
        "webhook_events",
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "event_id", name="pk_webhook_events"),
    )
    op.create_index("ix_webhook_events_place", "webhook_events", ["state", "received_at", "source", "event_id"])
    op.create_table(
        "workshop_returns",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("ship_to", sa.JSON(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_do", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.PrimaryKeyConstraint("claim_id", name="pk_workshop_returns"),
        sa.UniqueConstraint("reference", name="uq_workshop_returns_reference"),
    )
    op.create_index("ix_workshop_returns_place", "workshop_returns", ["to_do", "requested_at", "reference"])
    op.create_table(
        "reconciliation_findings",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliations.id"],
            name="fk_reconciliation_findings_reconciliation_id_reconciliations",
        ),
        sa.PrimaryKeyConstraint(
            "reconciliation_id", "subject", "code", "payment_id", name="pk_reconciliation_findings"
        ),
    )
    op.create_table(
        "reconciliation_payments",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("capture_before", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliations.id"],
            name="fk_reconciliation_payments_reconciliation_id_reconciliations",
        ),
        sa.PrimaryKeyConstraint("reconciliation_id", "payment_id", name="pk_reconciliation_payments"),
    )
    op.create_index("ix_reconciliation_payments_subject", "reconciliation_payments", ["reconciliation_id", "subject"])
    for statements in (LEDGER_TRIGGERS, ATTEMPT_TRIGGERS):
        for statement in statements[op.get_bind().dialect.name]:
            op.execute(sa.text(statement))


def drop() -> None:
    """Drop them in reverse order."""
    for table in (
        "reconciliation_payments",
        "reconciliation_findings",
        "workshop_returns",
        "webhook_events",
        "saved_cards",
        "reconciliations",
        "payment_attempts",
        "outbox_mails",
        "mails",
        "ledger_entries",
        "http_requests",
        "gateway_payments",
        "gateway_events",
        "gateway_answers",
        "dispatch_requests",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("ledger_entries", "payment_attempts"):
            op.execute(sa.text(f"DROP FUNCTION {table}_append_only()"))
