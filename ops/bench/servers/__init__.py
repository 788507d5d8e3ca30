"""`bench servers`: our clients on real model servers, compared with a reference client."""
