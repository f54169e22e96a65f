"""Records made readable: Markdown for pull requests, JSON for machines, plain lines for terminals."""
