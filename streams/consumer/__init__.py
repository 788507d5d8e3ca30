"""How a role reads its topic: its Faust app, and a consumer that commits only the finished prefix of each partition."""
