"""`bench servers`: our clients on real model servers, beside a reference client."""
