"""What a setting is, and named sets of settings."""
