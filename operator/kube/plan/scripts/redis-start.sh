#!/bin/sh
# Starts Redis with the password that the Secret has now. Only hashes are written, and only to memory.
# `keeper` is a user for probes and for credentials.sh, so that neither depends on the Secret.
set -eu
umask 077
hash_of() { printf %s "$(cat "$1")" | sha256sum | cut -d ' ' -f 1; }

[ -s /run/redis/keeper ] || head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1 > /run/redis/keeper
hash_of /etc/redis/secret/password > /run/redis/applied
cat > /run/redis/users.acl <<ACL
user default on ~* &* +@all #$(cat /run/redis/applied)
user keeper on resetchannels -@all +ping +acl|setuser #$(hash_of /run/redis/keeper)
ACL
exec redis-server /etc/redis/config/redis.conf
