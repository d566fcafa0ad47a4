"""Own data in: a file a source, each a pure function from a foreign record to events, and a registry row for each.

``files`` reads lines from disk for sources that come as files; ``event_files`` is the first source; ``registry``
has all of them. A connector has no clock, no state and no network, so that reading a record again gives the same
events.
"""
