"""Migrations, oldest first. The newest one's revision is also `schema.NEWEST`."""
