"""What pages share: cached objects, messages, who the person is, the policy, assets."""
