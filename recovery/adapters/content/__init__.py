"""What a checkpoint holds of files: which ones, packed how, and put back how. Light: it runs in users' jobs."""
