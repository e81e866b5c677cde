#!/bin/sh
# Check the files for deployment: Dockerfile, compose file, manifests, workflows. VENV: where the tools are.
# All checks run, even after a failure. No check asks the network.
set -u
bin="${VENV:-.venv/deploy}/bin"
status=0
check() { "$@" || status=1; }

check "$bin/hadolint" deploy/Dockerfile
check "$bin/check-jsonschema" --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
check "$bin/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
for version in 1.33 1.37; do # HTTPRoute and kustomization.yaml are no kinds of Kubernetes itself
    check "$bin/kubernetes-validate" --quiet --strict -k "$version" \
        deploy/kubernetes/base/[!k]*.yaml deploy/kubernetes/overlays/canary/challenger.yaml
done
check "$bin/zizmor" --offline --quiet --no-progress .github
for script in deploy/container/*.sh deploy/compose/*.sh deploy/*.sh; do
    check sh -n "$script"
done
exit "$status"
