"""The suite `home`: people's voice commands in 31 languages, from home-assistant-intents."""
