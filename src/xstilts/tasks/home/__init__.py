"""The suite `home`: voice commands in 31 languages, from home-assistant-intents."""
