#!/bin/sh
# The demo on kind, for people with Docker: `make kind`. What it makes, `kind delete cluster --name mltask` removes.
set -eu
cd "$(dirname "$0")/.."

refuse() {
    echo "make kind: $1" >&2
    echo "Nothing was started. \`make demo\` shows the same and needs neither Docker nor kind." >&2
    exit 1
}
for tool in docker kind kubectl helm; do
    command -v "$tool" >/dev/null || refuse "$tool is not on the PATH: install it and try again."
done
docker info >/dev/null 2>&1 || refuse "the Docker daemon does not answer: start it and try again (docker info says why)."

cluster=mltask
kind get clusters | grep -qx "$cluster" || kind create cluster --config kind-config.yaml --wait 2m
# A kubeconfig of its own, so that whatever cluster you work with stays your current one.
KUBECONFIG=$(mktemp)
export KUBECONFIG
trap 'rm -f "$KUBECONFIG"' EXIT
kind get kubeconfig --name "$cluster" >"$KUBECONFIG"

docker build --tag mltask-operator:kind .
docker build --tag mltask-digits:demo examples/digits
# Tagged by its content: a second run with changed code then rolls the new operator out.
tag=$(docker image inspect --format '{{slice .Id 7 19}}' mltask-operator:kind)
docker tag mltask-operator:kind "mltask-operator:$tag"
kind load docker-image --name "$cluster" "mltask-operator:$tag" mltask-digits:demo

helm upgrade --install mltask-operator charts/mltask-operator --set-string "image.tag=$tag" \
    --namespace mltask-system --create-namespace --wait --timeout 3m
.venv/bin/python -m demo --kubeconfig "$KUBECONFIG"

echo "The cluster stays: kubectl --context kind-$cluster get mltasks; kind delete cluster --name $cluster removes it."
