#!/bin/sh
# Makes what the Secrets say true at the running server: the user with its password, and the cookie. Connections that
# are open stay open. Passwords go by standard input.
set -u
trap 'exit 0' TERM INT
pause() {
  sleep "$1" &
  wait $!
}
user=$(cat /etc/realtime/secret/username)
password=/etc/realtime/secret/password
cookie=/etc/realtime/cookie/cookie

make_user() {
  rabbitmqctl -q authenticate_user "$user" < $password > /dev/null 2>&1 && return 0
  rabbitmqctl -q change_password "$user" < $password > /dev/null 2>&1 ||
    rabbitmqctl -q add_user "$user" < $password > /dev/null || return 1
  rabbitmqctl -q set_user_tags "$user" administrator && rabbitmqctl -q set_permissions -p / "$user" '.*' '.*' '.*' &&
    echo 'the password of the Secret is now true at the server'
}

take_cookie() {
  rabbitmqctl -q eval "{ok, It} = file:read_file(\"$cookie\"), erlang:set_cookie(binary_to_atom(string:trim(It)))." > /dev/null || return 1
  (umask 077 && cat $cookie > "$HOME/.cookie" && mv "$HOME/.cookie" "$HOME/.erlang.cookie")
  echo 'the cookie of the Secret is now the server'"'"'s'
}

until [ -s "$HOME/.erlang.cookie" ] && rabbitmqctl -q await_startup --timeout 60 > /dev/null 2>&1; do pause 2; done
applied=''
flags=''
while :; do
  [ "$(cat $cookie)" = "$(cat "$HOME/.erlang.cookie")" ] || take_cookie
  wanted=$(sha256sum < $password)
  [ "$wanted" = "$applied" ] || { make_user && applied=$wanted; }
  [ -n "$flags" ] || { rabbitmqctl -q enable_feature_flag all > /dev/null 2>&1 && flags=enabled; }
  if [ -n "$flags" ] && [ "$wanted" = "$applied" ]; then pause 2; else pause 10; fi
done
