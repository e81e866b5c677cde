"""Whether a scheduled run may train now, and the triggers in words: for ``python -m core retrain --if-triggered``."""

from core.dataset.loading import load_table
from core.pipeline.serving import serve
from core.settings import Settings
from core.store import Store
from core.training.status import Standing, limits_of, training_status


def due(store: Store, settings: Settings) -> tuple[bool, str]:
    """Whether to train, and why or why not, in words. Nothing is downloaded or loaded where it is switched off."""
    if not limits_of(store).scheduled:
        return False, (
            "Scheduled training is switched off. An analyst may switch it on with: "
            "python -m core triggers --scheduled, or on the Learning page."
        )
    table = load_table(settings, allow_download=True)
    if table.synthetic:
        return False, f"The published table is not at hand, so nothing is trained. {table.note}".strip()
    found = training_status(store, settings, table, serve(settings))
    if found.waits:
        return False, f"The challenger {found.waits} waits: a person promotes or discards it before the next one."
    if found.learned:
        return False, "The last training was on just these labels."
    rung = [trigger.text for trigger in found.triggers if trigger.rings]
    return bool(rung), " ".join(rung) or "No trigger rings."


def report(found: Standing) -> str:
    """The triggers, one line each, and whether a scheduled run may follow them."""
    lines = [f"{'RINGS' if t.rings else 'quiet'}  {t.label}: {t.text}" for t in found.triggers]
    lines.append(f"Scheduled training is {'on' if found.limits.scheduled else 'off'}.")
    if found.waits:
        lines.append(f"The challenger {found.waits} waits for a person to decide.")
    if found.learned:
        lines.append("The last training was on just these labels.")
    return "\n".join(lines)
