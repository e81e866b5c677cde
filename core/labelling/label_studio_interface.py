"""The labelling interface that a project of Label Studio needs, and the names of its fields.

Label Studio stores only the content of its own fields, and it sets its own times and accounts. So three hidden fields
carry the rater, the time and the kind (answer or settlement) of answers from this program.
Sources: https://labelstud.io/tags and https://labelstud.io/guide/task_format, version 1.23.
"""

import hashlib
import re

from core.schema import EMOTIONS
from core.store import SKIPS
from core.turkish import fold

EMOTION, SKIP, COMMENT = "emotion", "skip_reason", "comment"
RATER, TIME, KIND = "rater", "answered_at", "kind"  # the hidden fields
KINDS = ("answer", "adjudication")

ROOT = "label-studio-data"  # Label Studio serves a folder of this name without any setting
FOLDER = "turkish-music-emotion"  # inside ROOT; Label Studio refuses ROOT itself as a storage
_SOUND = re.compile(r"--([0-9a-f]{16})\.flac$")


def label_studio_config() -> str:
    """Return the labelling interface, for Settings > Labeling Interface > Code."""
    emotions = "".join(f'<Choice value="{emotion}" hotkey="{k}"/>' for k, emotion in enumerate(EMOTIONS, 1))
    skips = "".join(f'<Choice value="{reason}"/>' for reason in SKIPS)
    return (
        '<View><Audio name="audio" value="$audio"/>'
        f'<Choices name="{EMOTION}" toName="audio" choice="single" showInline="true">{emotions}</Choices>'
        '<Header value="None of them? Choose a reason, and no emotion." size="5"/>'
        f'<Choices name="{SKIP}" toName="audio" choice="single" showInline="true">{skips}</Choices>'
        f'<TextArea name="{COMMENT}" toName="audio" placeholder="Comment" maxSubmissions="1"/>'
        '<View style="display: none">'  # filled by an export of this program
        f'<TextArea name="{RATER}" toName="audio"/><TextArea name="{TIME}" toName="audio"/>'
        f'<TextArea name="{KIND}" toName="audio"/></View></View>'
    )


def sound_name(clip_id: str, file_name: str) -> str:
    """Return a file name for the clip's audio, with plain letters and with an id that identifies the clip.

    ``"Şarkı 1.wav" -> "sarki-1--0f3a….flac"``; short enough that Label Studio does not shorten it on upload.
    """
    stem = re.sub(r"[^a-z0-9]+", "-", fold(file_name.rsplit(".", 1)[0]))[:32].strip("-")
    return f"{stem or 'clip'}--{short_id(clip_id)}.flac"


def short_id(clip_id: str) -> str:
    """Return sixteen hexadecimal digits that identify the clip in a file name."""
    return hashlib.sha256(clip_id.encode()).hexdigest()[:16]


def short_id_in(path: str) -> str:
    """Return the sixteen digits in a path that ends in a name from ``sound_name``; "" for other paths."""
    found = _SOUND.search(path)
    return found.group(1) if found else ""
