"""What is replayed: requests with what they asked and where they ran, and what was left out."""
