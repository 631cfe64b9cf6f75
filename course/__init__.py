"""All that the course teaches: a room for each chapter, and the projects that its notebooks work on."""
