"""What failures look like in logs: rules as data (`*.yml`, one pack per ecosystem) and their loader."""
