"""What is written of pictures: records, their formats, drawings."""
