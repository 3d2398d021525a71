"""The QStash wire: values to requests and back, and the client that sends them."""
