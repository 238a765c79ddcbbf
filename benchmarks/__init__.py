"""Archives of any size, and what converting them takes beside other people's tools."""
