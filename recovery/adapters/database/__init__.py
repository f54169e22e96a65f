"""The store on SQLite and PostgreSQL. `engine.open_store` opens it; nothing else needs to be known outside."""
