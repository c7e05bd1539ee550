"""Store: tables of devices, claims and the catalogue, as revision 0001 creates them."""

import sqlalchemy as sa
from alembic import op


def create() -> None:
    """Create the tables and indexes."""
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
        "lineages",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_name", sa.String(), nullable=False),
        sa.Column("owner_email", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_lineages"),
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
    op.create_index(
        "ix_claims_due",
        "claims",
        ["due_at", "id", "region", "service"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_claims_lineage", "claims", ["lineage_id", "opened_at", "id"])
    op.create_index("ix_claims_newest", "claims", ["opened_at", "id"])
    op.create_index(
        "ix_claims_open",
        "claims",
        ["id"],
        sqlite_where=sa.text("open_lineage IS NOT NULL"),
        postgresql_where=sa.text("open_lineage IS NOT NULL"),
    )
    op.create_index("ix_claims_region", "claims", ["region", "opened_at", "id"])
    op.create_index("ix_claims_serial_number", "claims", ["serial_number", "opened_at", "id"])
    op.create_index("ix_claims_service", "claims", ["service", "opened_at", "id"])
    op.create_index("ix_claims_state", "claims", ["state", "opened_at", "id"])
    op.create_index(
        "ix_claims_state_due",
        "claims",
        ["state", "due_at", "id"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "claim_attention",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_claim_attention_claim_id_claims"),
        sa.PrimaryKeyConstraint("claim_id", "code", name="pk_claim_attention"),
    )
    op.create_index("ix_claim_attention_code", "claim_attention", ["code", "opened_at", "claim_id"])
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


def drop() -> None:
    """Drop them in reverse order."""
    for table in (
        "use_entries",
        "consents",
        "claim_events",
        "claim_attention",
        "claims",
        "bindings",
        "terms",
        "maintenance_codes",
        "devices",
        "lineages",
        "catalogue_releases",
        "catalogue_regions",
        "catalogue_models",
    ):
        op.drop_table(table)
