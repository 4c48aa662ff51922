"""Why a network answers as it does: answers computed in parts, on a copy of its weights."""
