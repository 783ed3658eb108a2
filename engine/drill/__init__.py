"""Drills 演练: a recorded night as a live exercise, in a store and a folder of its own."""
