"""The schema's history: one file a migration, in `versions`."""
