#!/bin/sh
# Starts RabbitMQ. A server without data makes its user as the Secret has it; one with data ignores that, and
# credentials.sh makes it true.
set -eu
umask 077
mkdir -p "$RABBITMQ_CONFIG_FILES"
cat /etc/realtime/cookie/cookie > "$HOME/.cookie"
mv "$HOME/.cookie" "$HOME/.erlang.cookie"
password=$(cat /etc/realtime/secret/password)
# What would need quoting is set later, by credentials.sh.
case $password in *[!A-Za-z0-9_-]* | '') password=$(head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1) ;; esac
cat /etc/realtime/config/*.conf > "$RABBITMQ_CONFIG_FILES/10-config.conf"
cat > "$RABBITMQ_CONFIG_FILES/20-user.conf" <<CONF
default_user = $(cat /etc/realtime/secret/username)
default_pass = $password
CONF
exec rabbitmq-server
