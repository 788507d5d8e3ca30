"""How a role reads its topic: its Faust app, and a consumer that commits only behind finished work."""
