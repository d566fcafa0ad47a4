"""The pure core: values in, values out. No clock, no input or output, no environment.

Rules of all rooms:

* Events are the only state. Everything else is derived from them, and derived again when they change.
* Instants are int milliseconds since 1970-01-01T00:00Z, money is int minor units, intervals are half-open, and None
  means undefined. There is no float in the ledger.
* A room imports only from those below it (``pyproject.toml`` holds the order); nothing imports a private name.

To read it, follow one event upwards: ``events`` (what it is) -> ``tickets``, ``surveys``, ``orders``, ``costs`` (what
it books) -> ``customers`` (what it means for its customer) -> ``derivation`` (the difference that it makes) ->
``ledger`` (the sums) -> ``metrics`` (the values). ``temporal``, ``money`` and ``policy`` are below all of them;
``replay`` is the whole in one place.
"""
