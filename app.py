"""The command line; chooses store and runtime."""
