"""What is remembered: tables, writes, views, migrations. Knows no room above it."""
