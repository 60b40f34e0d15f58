#!/bin/sh
# Makes the Secret's password true at the running server. The one before it holds for two minutes more: clients read
# the Secret again at different times. Connections that are open stay open.
set -u
trap 'exit 0' TERM INT
set_passwords() {
  hashes=''
  for hash in "$@"; do hashes="$hashes #$hash"; done
  # shellcheck disable=SC2086
  answer=$(REDISCLI_AUTH=$(cat /run/redis/keeper) redis-cli --user keeper -h 127.0.0.1 ACL SETUSER default resetpass $hashes 2>&1)
  [ "$answer" = OK ]
}

before=''
left=0
while :; do
  wanted=$(printf %s "$(cat /etc/redis/secret/password)" | sha256sum | cut -d ' ' -f 1)
  applied=$(cat /run/redis/applied 2> /dev/null)
  if [ -n "$applied" ] && [ "$wanted" != "$applied" ] && set_passwords "$wanted" "$applied"; then
    echo "$wanted" > /run/redis/applied
    before=$applied
    left=120
    echo 'the password of the Secret is now true at the server'
  elif [ -n "$before" ] && [ "$left" -le 0 ] && set_passwords "$wanted"; then
    before=''
    echo 'the password before it is no longer'
  fi
  left=$((left - 1))
  sleep 1 &
  wait $!
done
