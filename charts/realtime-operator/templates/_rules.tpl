{{/*
What the operator may do in each namespace whose clusters it runs. No rule has a wildcard. Where a rule allows `patch`, that is
server-side apply; `create` stands beside it because an apply of what is not there yet is both.
*/}}
{{- define "realtime-operator.rules" -}}
# The resource itself is its user's: the operator reads it, and never makes, changes or deletes one.
- apiGroups: [realtimecluster.dev]
  resources: [realtimeclusters]
  verbs: [get, list, watch]
# Conditions and counts are all that it says there.
- apiGroups: [realtimecluster.dev]
  resources: [realtimeclusters/status]
  verbs: [patch]
# Gateways (a Deployment per revision), workers (one per pool) and the hub; an old revision and a removed pool are deleted.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Counts are written through /scale, so that an autoscaler can own them instead.
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
# Managed RabbitMQ and Redis; deleted only when an annotation releases them, or with their pods kept where a field cannot be changed.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# How clients, the API's callers and the pods find each other.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# Pods run under accounts of their own, with no token mounted and no permission.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
# The servers' configuration, and what gateways read while they run.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
# Secrets that it makes: <cluster>-keys, -redis, -rabbitmq, -rabbitmq-cookie, -api. RBAC cannot tell these from a user's by name before
# the cluster is named; the operator asks for its own label only. Verb by verb:
#   get     a password or token that it made, to speak to who has the other half
#   list    those of all its clusters, after a start
#   watch   notice that one was deleted or edited, and put the server right before a client rolls
#   create  credentials are made once, when a cluster is new
#   patch   fill in a key that is missing; a key that is there is left alone
# Not update, delete, deletecollection: a Secret goes with its cluster, by the garbage collector.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
# Claims of managed servers: grown (patch) when the resource asks for more. Never created by it (StatefulSets do), never deleted: they hold data.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch]
# What is wrong with a pod goes into a condition; patch is for the order in which pods go (pod-deletion-cost), for having the kubelet
# read a Secret again at once, and for the label by which a gateway is in the clients' Service.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
# A pod's own events say why it does not start: an image, a Secret, a quota.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
# What the operator did, on the resource; patch counts a repetition instead of writing another.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# A drain of a node takes one pod of a role at a time.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Who may reach a cluster's pods; deleted when `dataPlane.networkPolicies` is turned off.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# `expose: {type: Ingress}`; deleted when it is exposed otherwise.
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch, create, patch, delete]
# `expose: {type: Gateway}`, where the Gateway API is installed.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
# `servers.rabbitmq.managed.operator` names RabbitMQ's own operator; deleted only when an annotation releases it.
- apiGroups: [rabbitmq.com]
  resources: [rabbitmqclusters]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
