"""The decision policy of this session: first read from the address, then changed on the Decisions page."""

from collections.abc import Mapping

import streamlit as st

from core.errors import ModelError
from core.models.policy import Policy
from core.schema import EMOTIONS
from core.wording import percent_limit
from pages.shared import entering, messages

KEY = "policy"
KINDS = {"threshold": "Threshold", "conformal": "Conformal set"}


def active(stored: Mapping[str, Policy]) -> Policy:
    """The policy in use. The first page of a session reads it from the address, if the address names a policy.

    stored : the policies saved with the model, by name.
    """
    if KEY not in st.session_state:
        st.session_state[KEY] = _from_address(stored)
    return st.session_state[KEY]


def use(policy: Policy) -> None:
    """Use this policy on all pages of this session."""
    st.session_state[KEY] = policy


def _from_address(stored: Mapping[str, Policy]) -> Policy:
    given = {k: st.query_params[k] for k in entering.POLICY if k in st.query_params}
    try:
        return entering.policy(given, stored) if given else default(stored)
    except ModelError as error:
        st.warning(f"The policy in the address is not used. {messages.literal(str(error))}", icon=":material/link_off:")
        return default(stored)


def default(stored: Mapping[str, Policy]) -> Policy:
    """The policy that was saved with the model."""
    return stored.get("threshold", Policy())


def address(policy: Policy) -> dict[str, str]:
    """Parameters of an address that describe this policy."""
    windows = {} if policy.windows == Policy().windows else {"windows": str(policy.windows)}
    if policy.kind == "threshold":
        by_emotion = {"thresholds": ",".join(f"{t:.2f}" for t in policy.thresholds)} if policy.thresholds else {}
        one = {"threshold": f"{policy.threshold:.2f}", "pair": f"{policy.pair_threshold:.2f}"}
        return {**one, **by_emotion, **windows}
    floors = ",".join(f"{f:.4f}" for f in policy.floors)
    return {"kind": "conformal", "coverage": f"{policy.coverage:.2f}", "floors": floors, **windows}


def describe_policy(policy: Policy) -> str:
    """Describe a policy, to be read after "Policy: "."""
    if policy.kind == "threshold":
        one = f"an emotion is accepted from a probability of {percent_limit(policy.threshold)}"
        if policy.thresholds:
            limits = ", ".join(f"{emotion} from {percent_limit(policy.limit(emotion))}" for emotion in EMOTIONS)
            one = f"an emotion is accepted from its own limit ({limits})"
        return (
            f"{one}; otherwise the two most probable emotions are offered if they have "
            f"{percent_limit(policy.pair_threshold)} together; otherwise a person has to listen"
        )
    floors = ", ".join(f"{e} {percent_limit(f)}" for e, f in zip(EMOTIONS, policy.floors, strict=True))
    return (
        f"each emotion has its own limit ({floors}); if one emotion reaches its limit, it is accepted; if two do, both "
        "are offered; otherwise a person has to listen"
    )
