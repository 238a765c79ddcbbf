"""Pictures of what was selected: resources and the images that they point into become drawings, never the reverse."""
