"""`bench device`: an accelerator in eight minutes. On a bare machine, too: nothing needs Kafka, Redis or FFmpeg."""
