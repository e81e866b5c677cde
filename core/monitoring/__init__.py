"""Monitoring: what the events and the stored answers say about use, quality, drift and alarms, as tables.

Everything is computed from the store, so several processes give one truth. Only this room knows prometheus_client.
"""
