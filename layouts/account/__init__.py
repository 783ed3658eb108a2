"""Pages of accounts: one's own, the administrators' list, and setting a password. Plain HTML and one script."""
