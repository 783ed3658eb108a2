"""MQTT over TLS, with an authority made for the test: only a broker that it vouches for is spoken to."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from data.errors import DeviceLost, InputRejected
from data.model.observation import Reading
from data.ports.recipe import Context
from monitors.gauges.mqtt_gauge import Recipe
from tests.monitors.test_mqtt_gauge import gauge, subscribe, take
from tests.servers.mosquitto import mosquitto
from web.tls import init

pytestmark = pytest.mark.server


def test_a_broker_is_checked_against_the_named_authority(tmp_path: Path, context: Context) -> None:
    made, other = init(tmp_path / "ours", ["localhost"], ["127.0.0.1"]), init(tmp_path / "other", ["localhost"], [])
    here = replace(context, base_dir=tmp_path)
    with mosquitto(tmp_path, tls=(made.certificate, made.key)) as broker:
        ours = made.authority.relative_to(tmp_path)
        recipe = gauge(broker, tls=True, ca=ours, vertical_datum="kerb")
        subscribe(recipe, here)
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set_context(ssl.create_default_context(cafile=made.authority))
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        payload = json.dumps({"at": datetime.now(UTC).isoformat(), "depth": 25.5})
        client.publish("gauges/3", payload, qos=1).wait_for_publish(5)
        client.disconnect()
        client.loop_stop()
        (reading,) = take(recipe, here, 1, commit=True)
        assert isinstance(reading, Reading)
        assert reading.value == 25.5
        with pytest.raises(DeviceLost, match=r"cannot connect: .*CERTIFICATE_VERIFY_FAILED"):
            list(gauge(broker, tls=True, ca=other.authority.relative_to(tmp_path)).make(here).observe())
        with pytest.raises(DeviceLost, match="gate-3: mqtt://"):
            list(gauge(broker, timeout="3s").make(here).observe())
        with pytest.raises(InputRejected, match="no authority can be read from"):
            Recipe.model_validate({**dict(recipe), "ca": Path("none.pem")}).make(here)
