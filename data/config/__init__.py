"""config.yaml as objects: settings by domain, reading with located errors, the written reference."""
