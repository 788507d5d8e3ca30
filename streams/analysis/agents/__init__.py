"""One pure async function a modality: from an upload and its media to an analysis."""
