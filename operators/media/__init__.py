"""From a reference to decoded media: fetched, indexed, planned and decoded once per video, in a separate process.

In the order in which an upload is processed: `source` checks and opens the file, `session` shares one decode between
agents, `pool` and `decoder_client` control the decoder processes, `decoder_process` is what runs inside one:
`read_index`, `plan`, `decode_audio`, `decode_video` and `decoders/`. `tracks`, `index` and `receipt` are the results.
"""
