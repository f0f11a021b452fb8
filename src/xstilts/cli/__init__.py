"""The command line: reads arguments, calls the API, prints. No logic of its own."""
