"""Face parsing masks from photographs of people, and facial landmarks from the masks."""
