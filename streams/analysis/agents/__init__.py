"""One pure async function per modality: from an upload and its media to an analysis."""
