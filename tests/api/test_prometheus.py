"""A real Prometheus and a real Alertmanager that watch the running API: figures, an alert from its begin to its end."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from real_prometheus import alertmanager, ask, program, prometheus, receiver
from serving import serving

from core.store import Event, EventKind, Way, record_events

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = ROOT / "deploy" / "compose"
WINDOW = "15s"
