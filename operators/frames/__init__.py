"""What can be seen in single frames."""
