"""A real Prometheus and a real Alertmanager that watch the running API: figures, an alert from its begin to its end."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = ROOT / "deploy" / "compose"
WINDOW = "15s"
