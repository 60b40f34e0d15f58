#!/bin/sh
# Before one node of several stops: waits until its queues have a majority without it, then hands over what it leads.
[ "$(cat /etc/realtime/config/*.conf | grep -c '^cluster_formation.classic_config.nodes')" -gt 1 ] || exit 0
timeout 70 rabbitmq-upgrade -q await_online_quorum_plus_one -t 60
timeout 40 rabbitmq-upgrade -q drain
exit 0
