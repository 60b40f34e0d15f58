#!/bin/sh
# Makes what the Secrets say true at the running server: the user with its password, and the cookie; and copies streams to
# a node that is new. Connections that are open stay open. Passwords go by standard input, which rabbitmqctl --quiet would wait for without end.
set -u
ctl() { timeout 60 rabbitmqctl "$@" 2>&1; }
user=$(cat /etc/realtime/secret/username)
cookie=/etc/realtime/cookie/cookie

with_password() { printf '%s\n' "$password" | ctl "$@"; }

make_user() {
  with_password authenticate_user "$user" > /dev/null && return 0
  with_password change_password "$user" > /dev/null || with_password add_user "$user" || return 1
  ctl -q set_user_tags "$user" administrator && ctl -q set_permissions -p / "$user" '.*' '.*' '.*' &&
    echo 'the password of the Secret is now true at the server'
}

# A stream that was made before this node joined has no copy here, and RabbitMQ gives it none by itself; who connects here could not read it.
copy_streams() {
  queues=$(ctl -q list_queues --no-table-headers name type) || return 1
  for stream in $(printf '%s\n' "$queues" | awk '$2 == "stream" { print $1 }'); do
    timeout 60 rabbitmq-streams -q add_replica "$stream" "$RABBITMQ_NODENAME" || return 1
  done
}

take_cookie() {
  ctl -q eval "{ok, It} = file:read_file(\"$cookie\"), erlang:set_cookie(binary_to_atom(string:trim(It)))." || return 1
  (umask 077 && cat $cookie > "$HOME/.cookie" && mv "$HOME/.cookie" "$HOME/.erlang.cookie")
  echo "the cookie of the Secret is now the server's"
}

keep() {
  until [ -s "$HOME/.erlang.cookie" ] && ctl -q await_startup --timeout 50 > /dev/null; do sleep 2; done
  applied=''
  flags=''
  copied=''
  while :; do
    [ "$(cat $cookie)" = "$(cat "$HOME/.erlang.cookie")" ] || take_cookie
    password=$(cat /etc/realtime/secret/password)
    [ "$password" = "$applied" ] || { make_user && applied=$password; }
    [ -n "$flags" ] || { ctl -q enable_feature_flag all > /dev/null && flags=enabled; }
    [ -n "$copied" ] || { copy_streams && copied=yes; }
    if [ -n "$flags" ] && [ -n "$copied" ] && [ "$password" = "$applied" ]; then sleep 1; else sleep 10; fi
  done
}

# In the background, so that a signal to stop is heard at once.
keep &
trap 'exit 0' TERM INT
wait $!
