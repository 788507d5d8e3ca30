"""What people do with videos, counted: events by the ten thousand a second become one record a video."""
