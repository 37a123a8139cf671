"""The APIs that the server speaks: one file each, from a body to a request and from fills to an answer."""
