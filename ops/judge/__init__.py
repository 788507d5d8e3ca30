"""What a chat model's answers about labels are worth: compared with what people decided."""
