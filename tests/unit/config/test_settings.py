"""Settings: defaults, file, environment; whatever is wrong is named, with the nearest right one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from streams.config import ConfigError, Settings, load
from streams.core.metrics.families import FAMILIES
from streams.core.orders.attribution import MODELS
from streams.core.temporal.instants import DAY, parse_instant


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no roi.toml but the test's own


def written(text: str, **environ: str) -> Settings:
    Path("roi.toml").write_text(text, encoding="utf-8")
    return load(environ={f"SUPPORT_ROI_{name}": value for name, value in environ.items()})


FINE = '\n[windows]\nrolling = ["5m", "1h", "36h"]'
LEVEL = '[[service_levels]]\nname = "a"\nseconds = 60\n'


def goal(metric: str = "csat_ratio", window: str = "30d", **more: str) -> str:
    rows = {"name": "g", "metric": metric, "window": window, "due": "2026-12-31", **more}
    return "[[goals]]\ntarget = 1\n" + "\n".join(f'{key} = "{value}"' for key, value in rows.items())


def test_no_file_is_a_valid_configuration_with_the_contracts_defaults() -> None:
    settings = load(environ={})
    assert settings == Settings()
    assert (settings.currency, settings.retention_days, settings.inactivity_days) == ("EUR", 400, 0)
    assert (settings.due_soon_seconds, settings.clv_cap_years, settings.csat_benchmark) == (3600, 5, 0.78)
    assert list(settings.value_tiers) == [0, 10_000, 100_000]
    assert (settings.attribution.model, settings.attribution.look_back_days) == ("last_touch", 5)
    assert (settings.fcr.repeat_days, settings.fcr.session_gap_minutes) == (7, 30)
    assert (settings.business.time_zone, settings.dimensions.limit) == ("UTC", 50)
    assert settings.windows.rolling == ("5m", "1h", "24h", "7d", "30d", "90d", "365d")
    assert settings.metrics.families == tuple(FAMILIES)
    assert settings.windows.aligned == ("day", "week", "month", "quarter", "year")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('curency = "EUR"', ["curency", "currency"]),
        ("[attribution]\nlookback_days = 3", ["attribution.lookback_days", "look_back_days"]),
        ("[fcr]\nrepeat = 3", ["fcr.repeat", "repeat_days"]),
        ("[window]\nrolling = []", ["window", "windows"]),
        ('[[service_levels]]\nname = "a"\nmetrik = "first_response"', ["service_levels[0].metrik", "metric"]),
        ('[business]\ntime_zone = "Europe/Berlim"', ["business.time_zone", "Europe/Berlin"]),
        ('[dimensions]\nnames = ["chanel"]', ["dimensions.names", "chanel", "channel"]),
        ('[metrics]\nfamilies = ["ticket"]', ["metrics.families", "ticket", "tickets"]),
        ('[metrics]\nfamilies = ["roi", "roi"]', ["metrics.families", "roi", "twice"]),
        ("[metrics]\nfamilies = []", ["metrics.families", "service_levels"]),
        ('[metrics]\nfamily = ["roi"]', ["metrics.family", "families"]),
        (
            '[metrics]\nfamilies = ["roi", "judgement"]\n'
            '[[goals]]\nname = "g"\nmetric = "nps"\nwindow = "30d"\ndue = 2026-12-31\ntarget = 1',
            ["goals[0]", "nps", "'surveys'", "metrics.families"],
        ),
        ('[windows]\nrolling = ["5s"]', ["windows.rolling", "5s"]),
        ('[windows]\nrolling = ["1h", "1h"]', ["windows.rolling", "1h", "twice"]),
        ("retention_days = 3", ["retention_days", "31"]),
        ('retention_days = "many"', ["retention_days"]),
        ("contribution_margin = 1.5", ["contribution_margin"]),
        ('currency = "euro"', ["currency"]),
        ("value_tiers = [5, 1, 9]", ["value_tiers"]),
        ('[attribution]\nmodel = "last"', ["attribution.model"]),
        ('[rates]\nUSD = "much"', ["rates.USD"]),
        ('[rates]\nUSD = [{ from = "2026-13-01", factor = 1 }]', ["rates.USD", "2026-13-01"]),
        ("[rates]\nUSD = -1", ["rates.USD", "-1"]),
        (
            '[[goals]]\nname = "g"\nmetric = "npss"\nwindow = "30d"\ndue = 2026-12-31\ntarget = 1',
            ["goals[0].metric", "nps"],
        ),
        ("currency = ", ["roi.toml", "TOML"]),
        ('[attribution]\nmodel = "last"', ["attribution.model", "'last'", "did you mean `last_touch`"]),
        ('[windows]\naligned = ["weeks"]', ["windows.aligned", "'weeks'", "did you mean `week`"]),
        (LEVEL + 'metric = "first_respons"', ["service_levels[0].metric", "did you mean `first_response`"]),
        (LEVEL + 'metric = "first_response"\nclock = "busines"', ["service_levels[0].clock", "`business`"]),
        (LEVEL + 'metric = "first_response"\nfilter = { prio = "x" }', ["service_levels[0].filter.prio", "`priority`"]),
        ('[kafka]\nsecurity_protocol = "ssl"', ["kafka.security_protocol", "'ssl'", "did you mean `SSL`"]),
        ("[rates]\nusd = 1", ["rates.usd: expected a code of three capital letters such as USD"]),
        ('currency = "euro"', ["currency: 'euro': expected a code of three capital letters such as USD"]),
        ('[business.hours]\nmonday = ["09:00-17:00"]', ["business.hours.monday", "did you mean `mon`"]),
        ('[business.hours]\nmon = "09:00-17:00"', ["business.hours.mon", 'expected a list such as ["09:00-17:00"]']),
        (goal(dimension="chanel", member="chat"), ["goals[0].dimension", "'chanel'", "did you mean `channel`"]),
        (goal("sla_attained_ratio"), ["goals[0].dimension", "'all'", "target"]),
        (goal("surge_ratio", dimension="produkt", member="x"), ["goals[0].dimension", "did you mean `product`"]),
        (goal(member="chat"), ["goals[0].member", "'chat'"]),
        (goal(dimension="channel"), ["goals[0].member", "'all'", "channel"]),
        *(
            (goal(window=window, baseline="2026-01-01") + FINE, ["goals[0].baseline: kept by whole days only", "30d"])
            for window in ("day", "week", "month", "quarter", "year", "now", "5m", "1h", "36h")
        ),
        ('[kafka]\nsecurity_protocol = "TLS"', ["kafka.security_protocol", "TLS"]),
        ('[kafka]\nsecurity_protocol = "SASL_SSL"', ["kafka.sasl_username", "SUPPORT_ROI_KAFKA_SASL_PASSWORD"]),
        ('[kafka]\nsasl_password = "secret"', ["kafka.sasl_password", "security_protocol", "SASL"]),
        ('[kafka]\nsecurity_protocol = "SSL"\nssl_ca_file = "no.pem"', ["kafka.ssl_ca_file", "no.pem"]),
        ('[kafka]\nsecurity_protocol = "SSL"\nssl_key_file = "roi.toml"', ["kafka.ssl_certificate_file"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_the_nearest_right_one(text: str, said: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        written(text)
    for part in said:
        assert part in str(caught.value)


def test_the_models_of_attribution_are_the_cores() -> None:
    for model in MODELS:
        assert written(f'[attribution]\nmodel = "{model}"').attribution.model == model
    with pytest.raises(ConfigError) as caught:
        written('[attribution]\nmodel = "zzz"')
    assert str(caught.value) == f"attribution.model: 'zzz': no such value; there are: {', '.join(sorted(MODELS))}"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no\.toml"):
        load("no.toml", environ={})


def test_the_environment_overrides_the_file() -> None:
    settings = written(
        'currency = "USD"\n[attribution]\nlook_back_days = 9',
        CURRENCY="GBP",
        ATTRIBUTION_HALF_LIFE_DAYS="3.5",
        WINDOWS_ROLLING='["1h", "7d"]',
        BUSINESS_TIME_ZONE="Asia/Kathmandu",
        DIMENSIONS_LIMIT="7",
    )
    assert settings.currency == "GBP"
    assert (settings.attribution.look_back_days, settings.attribution.half_life_days) == (9, 3.5)
    assert settings.windows.rolling == ("1h", "7d")
    assert (settings.business.time_zone, settings.dimensions.limit) == ("Asia/Kathmandu", 7)


def test_days_and_rates_have_variables_of_their_own() -> None:
    settings = written(
        '[business.hours]\nmon = ["08:00-09:00"]',
        BUSINESS_HOURS='{ mon = ["07:00-08:00"], tue = ["07:00-08:00"] }',
        BUSINESS_HOURS_MON='["09:00-10:00"]',
        RATES="{ USD = 0.5, GBP = 1.2 }",
        RATES_USD="0.9",
    )
    assert settings.business.hours == {"mon": ("09:00-10:00",), "tue": ("07:00-08:00",)}
    assert settings.rates == {"USD": 0.9, "GBP": 1.2}
    for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"):
        written("", **{f"BUSINESS_HOURS_{day}": '["09:00-10:00"]'})
    with pytest.raises(ConfigError, match=r"HOURS_MOM.*SUPPORT_ROI_BUSINESS_HOURS_MON"):
        written("", BUSINESS_HOURS_MOM="[]")
    with pytest.raises(ConfigError, match=r"RATES_USDX.*SUPPORT_ROI_RATES_USD"):
        written("", RATES_USDX="1")
    with pytest.raises(ConfigError, match=r"^rates: expected a table.*SUPPORT_ROI_RATES_USD"):
        written("", RATES="1", RATES_USD="1")


@pytest.mark.parametrize("window", ["24h", "7d", "30d", "365d"])
def test_a_baseline_is_kept_for_whole_days(window: str) -> None:
    (found,) = written(goal(window=window, baseline="2026-01-01")).targets().goals
    assert found.baseline == parse_instant("2026-01-01T00:00:00Z")


def test_a_password_is_text_whatever_it_looks_like_and_is_never_shown() -> None:
    settings = written(
        "", KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT", KAFKA_SASL_USERNAME="7", KAFKA_SASL_PASSWORD="12345"
    )
    connection = settings.kafka.connection("there:9092")
    assert (connection.sasl_username, connection.sasl_password) == ("7", "12345")
    assert "12345" not in repr(connection)
    assert connection.options() == {
        "bootstrap_servers": "there:9092", "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "7", "sasl_plain_password": "12345",
    }  # fmt: skip
    assert "ssl_context" in written('[kafka]\nsecurity_protocol = "SSL"').kafka.connection().options()


def test_every_key_has_a_variable() -> None:
    """No two keys share one, and none is named like the file's own."""
    from streams.config import FILE_VARIABLE, PREFIX, paths

    names = [PREFIX + "_".join(path).upper() for path in paths(Settings)]
    assert len(names) == len(set(names))
    assert FILE_VARIABLE not in names
    assert {"SUPPORT_ROI_CURRENCY", "SUPPORT_ROI_KAFKA_BOOTSTRAP_SERVERS", "SUPPORT_ROI_SERVICE_LEVELS"} <= set(names)


def test_a_wrong_variable_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"SUPPORT_ROI_CURENCY.*SUPPORT_ROI_CURRENCY"):
        written("", CURENCY="EUR")
    with pytest.raises(ConfigError, match=r"limit"):
        written("", DIMENSIONS_LIMIT="none")


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('currency = "CHF"', encoding="utf-8")
    assert load(environ={"SUPPORT_ROI_CONFIG": "other.toml"}).currency == "CHF"
    (tmp_path / "third.toml").write_text('currency = "SEK"', encoding="utf-8")
    assert load("third.toml", environ={"SUPPORT_ROI_CONFIG": "other.toml"}).currency == "SEK", "the option wins"


def test_other_programs_variables_are_left_alone() -> None:
    assert load(environ={"SUPPORT": "x", "PATH": "/bin", "support_roi_currency": "x"}) == Settings()


@pytest.mark.parametrize(
    "given",
    [
        "[rates]\nUSD = 0.5",
        '[rates]\nUSD = { from = "2000-01-01", factor = 0.5 }',
        '[rates]\nUSD = [{ from = "2026-06-01", factor = 0.7 }, { from = "2000-01-01", factor = 0.5 }]',
        "[rates]\nUSD = [{ from = 2000-01-01, factor = 0.5 }]",
    ],
)
def test_rates_in_every_shape_come_to_the_same(given: str) -> None:
    policy = written(given).policy()
    assert policy.convert(5, "USD", parse_instant("2026-01-15T00:00:00Z")) == 2, "2.5, half to even"
    assert policy.convert(7, "USD", parse_instant("2026-01-15T00:00:00Z")) == 4, "3.5, half to even"
    assert policy.convert(7, "XXX", parse_instant("2026-01-15T00:00:00Z")) is None
    assert policy.convert(7, "EUR", 0) == 7


def test_a_rate_holds_from_its_local_date_on() -> None:
    settings = written(
        '[rates]\nUSD = [{ from = "2026-01-01", factor = 2 }, { from = "2026-02-01", factor = 3 }]\n'
        '[business]\ntime_zone = "Europe/Berlin"'
    )
    policy = settings.policy()
    moments: list[tuple[str, int | None]] = [
        ("2025-12-31T22:59:59Z", None),  # 31 December in Berlin
        ("2025-12-31T23:00:00Z", 20),
        ("2026-01-31T22:59:59Z", 20),
        ("2026-01-31T23:00:00Z", 30),
    ]
    for moment, expected in moments:
        assert policy.convert(10, "USD", parse_instant(moment)) == expected


def test_the_policy_says_what_the_settings_said() -> None:
    policy = written(
        "contribution_margin = 0.1\n[attribution]\nlook_back_days = 1.5\n[fcr]\nrepeat_days = 2\n"
        '[[service_levels]]\nname = "n"\nmetric = "first_response"\nseconds = 60\n'
        'filter = { priority = "urgent", channel = ["chat", "phone"] }'
    ).policy()
    assert policy.contribution_margin == Fraction(1, 10), "the decimal that was written, not a float near it"
    assert (policy.attribution.look_back_ms, policy.repeat_ms) == (3 * DAY // 2, 2 * DAY)
    (level,) = policy.service_levels
    found: dict[str, Any] = dict(level.filter)
    assert found == {"priority": frozenset({"urgent"}), "channel": frozenset({"chat", "phone"})}
