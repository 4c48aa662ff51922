"""Why a network predicts what it does for one image: a screen with a part for each question."""
