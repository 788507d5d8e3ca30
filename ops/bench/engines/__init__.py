"""`bench engines`: each model in every engine and precision, on this processor and on a capped one."""
