"""A race in the app: started, shown, left and shown again."""
