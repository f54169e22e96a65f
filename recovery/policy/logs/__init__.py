"""Reading logs: what their lines say, and which of them are new."""
