"""Store: every table of the first release.

Revision 0001, after nothing. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.payment_tables import LEDGER_TRIGGERS

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "catalogue_models",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_catalogue_models"),
    )
    op.create_table(
        "catalogue_regions",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_catalogue_regions"),
    )
    op.create_table(
        "catalogue_releases",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_catalogue_releases"),
    )
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
        sa.PrimaryKeyConstraint("claim_id", name="pk_dispatch_requests"),
        sa.UniqueConstraint("reference", name="uq_dispatch_requests_reference"),
    )
    op.create_table(
        "gateway_answers",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_gateway_answers"),
    )
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
        "lineages",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_name", sa.String(), nullable=False),
        sa.Column("owner_email", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_lineages"),
    )
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
        "maintenance_codes",
        sa.Column("lineage_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("claim_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineages.id"], name="fk_maintenance_codes_lineage_id_lineages"),
        sa.PrimaryKeyConstraint("lineage_id", name="pk_maintenance_codes"),
        sa.UniqueConstraint("code", name="uq_maintenance_codes_code"),
    )
    op.create_table(
        "workshop_returns",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("ship_to", sa.JSON(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("claim_id", name="pk_workshop_returns"),
        sa.UniqueConstraint("reference", name="uq_workshop_returns_reference"),
    )
    op.create_table(
        "devices",
        sa.Column("serial_number", sa.String(), nullable=False),
        sa.Column("serial_text", sa.String(), nullable=False),
        sa.Column("lineage_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim_id", sa.String(), nullable=True),
        sa.Column("replaced_by", sa.String(), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineages.id"], name="fk_devices_lineage_id_lineages"),
        sa.ForeignKeyConstraint(["replaced_by"], ["devices.serial_number"], name="fk_devices_replaced_by_devices"),
        sa.PrimaryKeyConstraint("serial_number", name="pk_devices"),
        sa.UniqueConstraint("lineage_id", "generation", name="uq_devices_lineage_id_generation"),
    )
    op.create_table(
        "terms",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lineage_id", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("flyaway_cap", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("purchased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_amount", sa.BigInteger(), nullable=True),
        sa.Column("price_currency", sa.String(), nullable=True),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineages.id"], name="fk_terms_lineage_id_lineages"),
        sa.PrimaryKeyConstraint("id", name="pk_terms"),
    )
    op.create_index("ix_terms_ending", "terms", ["region", "ends_on", "id"])
    op.create_index("ix_terms_lineage_id", "terms", ["lineage_id"])
    op.create_table(
        "bindings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("serial_number", sa.String(), nullable=False),
        sa.Column("remote_controller", sa.String(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["serial_number"], ["devices.serial_number"], name="fk_bindings_serial_number_devices"),
        sa.PrimaryKeyConstraint("id", name="pk_bindings"),
        sa.UniqueConstraint("serial_number", "bound_at", name="uq_bindings_serial_number_bound_at"),
    )
    op.create_table(
        "claims",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lineage_id", sa.String(), nullable=False),
        sa.Column("open_lineage", sa.String(), nullable=True),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("serial_number", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owed_amount", sa.BigInteger(), nullable=False),
        sa.Column("owed_currency", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("agreed", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineages.id"], name="fk_claims_lineage_id_lineages"),
        sa.ForeignKeyConstraint(["serial_number"], ["devices.serial_number"], name="fk_claims_serial_number_devices"),
        sa.PrimaryKeyConstraint("id", name="pk_claims"),
        sa.UniqueConstraint("open_lineage", name="uq_claims_open_lineage"),
    )
    op.create_index("ix_claims_due_at", "claims", ["due_at"])
    op.create_index("ix_claims_lineage", "claims", ["lineage_id", "opened_at", "id"])
    op.create_index("ix_claims_newest", "claims", ["opened_at", "id"])
    op.create_index("ix_claims_region", "claims", ["region", "opened_at", "id"])
    op.create_index("ix_claims_serial_number", "claims", ["serial_number", "opened_at", "id"])
    op.create_index("ix_claims_service", "claims", ["service", "opened_at", "id"])
    op.create_index("ix_claims_state", "claims", ["state", "opened_at", "id"])
    op.create_table(
        "claim_attention",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_claim_attention_claim_id_claims"),
        sa.PrimaryKeyConstraint("claim_id", "code", name="pk_claim_attention"),
    )
    op.create_index("ix_claim_attention_code", "claim_attention", ["code", "claim_id"])
    op.create_table(
        "claim_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("details", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_claim_events_claim_id_claims"),
        sa.PrimaryKeyConstraint("id", name="pk_claim_events"),
        sa.UniqueConstraint("claim_id", "run_id", "seq", name="uq_claim_events_claim_id_run_id_seq"),
    )
    op.create_index("ix_claim_events_timeline", "claim_events", ["claim_id", "id"])
    op.create_table(
        "consents",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("terms_version", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quote_id", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("hold", sa.BigInteger(), nullable=True),
        sa.Column("window_days", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_consents_claim_id_claims"),
        sa.PrimaryKeyConstraint("claim_id", name="pk_consents"),
    )
    op.create_table(
        "use_entries",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lineage_id", sa.String(), nullable=False),
        sa.Column("term_id", sa.String(), nullable=False),
        sa.Column("flyaway", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_use_entries_claim_id_claims"),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineages.id"], name="fk_use_entries_lineage_id_lineages"),
        sa.ForeignKeyConstraint(["term_id"], ["terms.id"], name="fk_use_entries_term_id_terms"),
        sa.PrimaryKeyConstraint("claim_id", "kind", name="pk_use_entries"),
    )
    op.create_index("ix_use_entries_lineage_id", "use_entries", ["lineage_id"])
    for statement in LEDGER_TRIGGERS[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


def downgrade() -> None:
    op.drop_index("ix_use_entries_lineage_id", table_name="use_entries")
    op.drop_table("use_entries")
    op.drop_table("consents")
    op.drop_index("ix_claim_events_timeline", table_name="claim_events")
    op.drop_table("claim_events")
    op.drop_index("ix_claim_attention_code", table_name="claim_attention")
    op.drop_table("claim_attention")
    op.drop_index("ix_claims_state", table_name="claims")
    op.drop_index("ix_claims_service", table_name="claims")
    op.drop_index("ix_claims_serial_number", table_name="claims")
    op.drop_index("ix_claims_region", table_name="claims")
    op.drop_index("ix_claims_newest", table_name="claims")
    op.drop_index("ix_claims_lineage", table_name="claims")
    op.drop_index("ix_claims_due_at", table_name="claims")
    op.drop_table("claims")
    op.drop_table("bindings")
    op.drop_index("ix_terms_lineage_id", table_name="terms")
    op.drop_index("ix_terms_ending", table_name="terms")
    op.drop_table("terms")
    op.drop_table("devices")
    op.drop_table("workshop_returns")
    op.drop_table("maintenance_codes")
    op.drop_table("mails")
    op.drop_table("lineages")
    op.drop_index("ix_ledger_entries_subject", table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_at", table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index("ix_http_requests_created_at", table_name="http_requests")
    op.drop_table("http_requests")
    op.drop_index("ix_gateway_payments_subject", table_name="gateway_payments")
    op.drop_table("gateway_payments")
    op.drop_table("gateway_answers")
    op.drop_table("dispatch_requests")
    op.drop_table("catalogue_releases")
    op.drop_table("catalogue_regions")
    op.drop_table("catalogue_models")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("DROP FUNCTION ledger_entries_append_only()"))
