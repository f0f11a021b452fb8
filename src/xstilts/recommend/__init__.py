"""Which intermediate task to train on, predicted from tasks already known."""
