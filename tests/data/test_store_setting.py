"""The setting `store`: where the database is, its password from the secrets file, its mistakes with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.config.reading import ConfigError, load_settings, stored_at
from engine.catalogue import load_catalogue
from engine.process.current_settings import configured

PASSWORD = "store-kettle-harbour-42"
ENVIRONMENT = {"YIPING_CREDENTIALS_DATABASE": f"yiping:{PASSWORD}"}


def config(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def secrets(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yaml"
    path.write_text(f"database: {{username: yiping, password: {PASSWORD}}}\n")
    path.chmod(0o600)


@pytest.mark.usefixtures("secrets")
def test_every_process_gets_the_url_with_the_password_and_no_text_shows_it(tmp_path: Path) -> None:
    path = config(tmp_path, "name: 测试\nstore: {url: 'postgresql://db:5433/city', credentials: database}\n")
    options = configured(path, tmp_path / "var")
    assert options.store == f"postgresql://yiping:{PASSWORD}@db:5433/city"
    assert PASSWORD not in options.mask(f"libpq says: {PASSWORD} is wrong")
    assert PASSWORD not in options.settings.model_dump_json()


def test_one_line_names_the_store_and_without_it_the_store_is_a_file(tmp_path: Path) -> None:
    assert configured(config(tmp_path, "store: postgresql://db/city\n"), tmp_path).store == "postgresql://db/city"
    assert configured(config(tmp_path, "name: 测试\n"), tmp_path).store == tmp_path / "yiping.db"
    path = config(tmp_path, "store: postgresql://db/city\n")
    assert configured(path, tmp_path, "postgresql://other/city").store == "postgresql://other/city"


@pytest.mark.usefixtures("secrets")
def test_where_settings_are_changed_on_the_screen_the_store_is_the_machines(tmp_path: Path) -> None:
    text = "config: screen\nstore: {url: postgresql://db/city, credentials: database}\nsites: [{id: 5}]\n"
    assert configured(config(tmp_path, text), tmp_path).store == f"postgresql://yiping:{PASSWORD}@db/city"


@pytest.mark.usefixtures("secrets")
def test_a_command_beside_a_configuration_with_other_mistakes_still_finds_the_store(tmp_path: Path) -> None:
    text = "sites: [{id: 5}]\nstore:\n  url: postgresql://db/city\n  credentials: database\n"
    assert stored_at(config(tmp_path, text)) == f"postgresql://yiping:{PASSWORD}@db/city"
    assert stored_at(config(tmp_path, "name: no word of it\n")) == ""
    assert stored_at(tmp_path / "none.yaml") == ""


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("postgresql://yiping:hunter-kettle-harbour-42@db/city", "holds a password: put it into secrets.yaml"),
        ("postgresql://db/city?password=hunter-kettle-harbour-42", "holds a password: put it into secrets.yaml"),
        ("mysql://db/city", "write postgresql://db.example.cn:5432/yiping, or leave `store` out"),
        ("postgresql://db", "needs the database's name"),
        ("postgresql:///city", "needs the server's name"),
        ("postgresql://db:port/city", "cannot be read as a URL"),
    ],
)
def test_a_store_that_cannot_be_is_told_with_its_line(tmp_path: Path, store: str, said: str) -> None:
    path = config(tmp_path, f"name: 测试\nstore: {store}\n")
    with pytest.raises(ConfigError) as refused:
        load_settings(path, load_catalogue(), {})
    assert f"config.yaml: store.url: {said}" in str(refused.value).replace("Value error, ", "")
    assert "(line 2)" in str(refused.value)
    assert "hunter" not in str(refused.value)
    with pytest.raises(ConfigError, match=r"line 2"):
        stored_at(path, {})


def test_a_password_that_the_secrets_do_not_hold_is_told_with_its_line(tmp_path: Path) -> None:
    path = config(tmp_path, "name: 测试\nstore:\n  url: postgresql://db/city\n  credentials: databse\n")
    with pytest.raises(
        ConfigError, match=r"store\.credentials: no credentials 'databse', did you mean 'database'\?.*4"
    ):
        stored_at(path, ENVIRONMENT)


def test_a_user_stands_in_one_place_only(tmp_path: Path) -> None:
    path = config(tmp_path, "store: {url: postgresql://li@db/city, credentials: database}\n")
    with pytest.raises(ConfigError, match=r"store: .*the URL names a user and so do the credentials.*line 1"):
        stored_at(path, ENVIRONMENT)


def test_several_servers_and_the_socket_of_this_machine_can_be_named(tmp_path: Path) -> None:
    for url in (
        "postgresql:///city?host=a:5432&host=b:5432&target_session_attrs=read-write",
        "postgresql:///city?host=/run/postgresql",
    ):
        path = config(tmp_path, f"store: {{url: '{url}', credentials: database}}\n")
        assert stored_at(path, ENVIRONMENT) == url.replace("///", f"//yiping:{PASSWORD}@/")
