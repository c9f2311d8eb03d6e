"""Many pictures, on one machine or on several."""
