"""Where resources go."""
