{{- define "realtime-operator.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 52 characters: the longest suffix, `-realtimeclusters-view`, is only put where 253 are allowed, `-metrics` where 63 are. */}}
{{- define "realtime-operator.fullname" -}}
{{- $name := include "realtime-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if hasPrefix (printf "%s-" .Release.Name) $name -}}
{{ $name | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "realtime-operator.selector" -}}
app.kubernetes.io/name: {{ include "realtime-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "realtime-operator.labels" -}}
{{ include "realtime-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: realtimecluster
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* labels and annotations of an object: dict "root" $, "labels" {…}, "annotations" {…}, "component" "…" */}}
{{- define "realtime-operator.metadata" -}}
{{- $labels := merge (dict) (.labels | default dict) (include "realtime-operator.labels" .root | fromYaml) -}}
{{- with .component }}{{ $_ := set $labels "app.kubernetes.io/component" . }}{{ end -}}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "realtime-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "realtime-operator.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "realtime-operator.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "realtime-operator.metricsService" -}}
{{ include "realtime-operator.fullname" . }}-metrics
{{- end }}

{{/* Whose roles bind to: the operator's ServiceAccount. */}}
{{- define "realtime-operator.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "realtime-operator.serviceAccount" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}

{{/* a probe of the operator: list <path> <timing> <the values' own>, whose handler takes the place of the path */}}
{{- define "realtime-operator.probe" -}}
{{- $own := last . -}}
{{- $isElsewhere := or (hasKey $own "tcpSocket") (hasKey $own "exec") (hasKey $own "grpc") -}}
{{- $handler := ternary (dict) (dict "httpGet" (dict "path" (first .) "port" "probes")) $isElsewhere -}}
{{- mergeOverwrite $handler (index . 1) $own | toYaml -}}
{{- end }}
