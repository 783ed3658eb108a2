"""Gauges: MQTT, HTTP, Modbus, SL 651, CSV, Parquet."""
