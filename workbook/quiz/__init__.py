"""The question bank and everything that grades with it."""
