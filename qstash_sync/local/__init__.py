"""An embedded QStash in a SQLite file: a peer that shares no code with the client."""
