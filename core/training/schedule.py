"""Decide whether a scheduled training may run, for ``python -m core retrain --if-triggered``."""

from core.dataset.loading import load_table
from core.pipeline.serving import serve
from core.settings import Settings
from core.store import Store
from core.training.status import TrainingStatus, limits_of, training_status


def due(store: Store, settings: Settings) -> tuple[bool, str]:
    """Decide whether to train, and give the reason. Loads no data if scheduled training is switched off."""
    if not limits_of(store).scheduled:
        return False, (
            "Scheduled training is switched off. An analyst can switch it on with: "
            "python -m core triggers --scheduled, or on the Learning page."
        )
    table = load_table(settings, allow_download=True)
    if table.synthetic:
        return False, f"The published table is not available, so no model is trained. {table.note}".strip()
    status = training_status(store, settings, table, serve(settings))
    if status.pending_challenger:
        return False, f"The challenger {status.pending_challenger} is undecided. Promote or discard it first."
    if status.already_trained:
        return False, "The last training already used exactly these labels."
    reasons = [trigger.text for trigger in status.triggers if trigger.due]
    return bool(reasons), " ".join(reasons) or "No trigger has reached its limit."


def report(status: TrainingStatus) -> str:
    """Describe the triggers, one line each, and whether scheduled training is on."""
    lines = [f"{'REACHED' if t.due else 'below  '}  {t.label}: {t.text}" for t in status.triggers]
    lines.append(f"Scheduled training is {'on' if status.limits.scheduled else 'off'}.")
    if status.pending_challenger:
        lines.append(f"The challenger {status.pending_challenger} is undecided: promote or discard it.")
    if status.already_trained:
        lines.append("The last training already used exactly these labels.")
    return "\n".join(lines)
