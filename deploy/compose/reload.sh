#!/bin/sh
# Run nginx, and let it read its configuration again when the division of the callers changes.
#
# The program cannot reach nginx here, because both run in containers of their own. So this looks every two seconds. A
# division that nginx does not accept changes nothing: nginx goes on with the one before.
set -eu
split=/data/canary/split.conf
if [ ! -f "$split" ]; then
    mkdir -p /data/canary
    touch /data/canary/requests.log
    sed 's/127.0.0.1:8000/api:8000/' /etc/nginx/api/first_split.conf > "$split"
    chown -R 10001:10001 /data/canary
fi
known=$(cksum "$split")
nginx -g 'daemon off;' &
server=$!
trap 'kill -QUIT "$server"; wait "$server"; exit 0' TERM INT QUIT
while kill -0 "$server" 2>/dev/null; do
    sleep 2 &
    wait $!
    now=$(cksum "$split")
    if [ "$now" != "$known" ]; then
        known=$now
        nginx -t -q && nginx -s reload
    fi
done
wait "$server"
