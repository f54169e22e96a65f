"""The loop under faults: every fault in every phase, kills, and bad input; what must hold afterwards always does."""
