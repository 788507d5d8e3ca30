"""Whether roles get on, by what the broker says of their groups, never by what their consumers believe."""
