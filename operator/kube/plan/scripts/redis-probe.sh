#!/bin/sh
# ready: it answers. alive: it answers, if only that it still loads.
answer=$(REDISCLI_AUTH=$(cat /run/redis/keeper) redis-cli --user keeper -h 127.0.0.1 ping 2>&1)
case "$1 $answer" in
  *' PONG' | alive\ *LOADING* | alive\ *MISCONF*) exit 0 ;;
esac
echo "$answer"
exit 1
